mod execution;
mod reading;
