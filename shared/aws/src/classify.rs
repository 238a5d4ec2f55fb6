//! What went wrong with a call, by what can be done about it (fact sheet 3.8).

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use lifeboat_domain::{CallClass, CallError};
use std::error::Error;

/// The longest text of AWS's that is passed on; an error's cause is kept 90 days in an execution's history.
const LONGEST: usize = 600;

/// Codes whose class their spelling does not tell, or tells wrongly. Exact, as on the wire.
const CODES: &[(&str, CallClass)] = &[
    // Refused before anything happened.
    ("APICallRateForCustomerExceeded", CallClass::Throttled),
    ("BandwidthLimitExceeded", CallClass::Throttled),
    ("LimitExceededException", CallClass::Throttled),
    ("PriorRequestNotComplete", CallClass::Throttled),
    ("ProvisionedThroughputExceededException", CallClass::Throttled),
    ("RequestLimitExceeded", CallClass::Throttled),
    ("SlowDown", CallClass::Throttled),
    ("TooManyRequestsException", CallClass::Throttled),
    ("TooManyUpdates", CallClass::Throttled),
    // Wrong for now.
    ("BackupInUseException", CallClass::WrongState),
    ("ConditionalCheckFailedException", CallClass::WrongState),
    ("ConditionalRequestConflict", CallClass::WrongState),
    ("ExportConflictException", CallClass::WrongState),
    ("OperationAborted", CallClass::WrongState),
    ("PreconditionFailed", CallClass::WrongState),
    ("PreconditionFailedException", CallClass::WrongState),
    ("ReplicatedWriteConflictException", CallClass::WrongState),
    ("ResourceConflictException", CallClass::WrongState),
    ("ResourceInUseException", CallClass::WrongState),
    ("ServiceNotActiveException", CallClass::WrongState),
    ("StateMachineDeleting", CallClass::WrongState),
    ("TableInUseException", CallClass::WrongState),
    ("TransactionConflictException", CallClass::WrongState),
    // Not to be had now; another class, zone or storage may be.
    ("ProvisionedIopsNotAvailableInAZFault", CallClass::NoCapacity),
    ("StorageTypeNotSupported", CallClass::NoCapacity),
    ("StorageTypeNotSupportedFault", CallClass::NoCapacity),
    // Permission, credentials, keys.
    ("AuthFailure", CallClass::Denied),
    ("AuthorizationError", CallClass::Denied),
    ("DecryptionFailure", CallClass::Denied),
    ("EncryptionFailure", CallClass::Denied),
    ("ExpiredToken", CallClass::Denied),
    ("ExpiredTokenException", CallClass::Denied),
    ("IncompleteSignature", CallClass::Denied),
    ("InvalidAccessKeyId", CallClass::Denied),
    ("InvalidClientTokenId", CallClass::Denied),
    ("InvalidSecurity", CallClass::Denied),
    ("InvalidSignatureException", CallClass::Denied),
    ("KMSKeyNotAccessibleFault", CallClass::Denied),
    ("MissingAuthenticationToken", CallClass::Denied),
    ("MissingAuthenticationTokenException", CallClass::Denied),
    ("NotAuthorized", CallClass::Denied),
    ("OptInRequired", CallClass::Denied),
    ("RequestExpired", CallClass::Denied),
    ("RequestTimeTooSkewed", CallClass::Denied),
    ("SignatureDoesNotMatch", CallClass::Denied),
    ("UnauthorizedOperation", CallClass::Denied),
    ("UnrecognizedClientException", CallClass::Denied),
    // Named what does not exist.
    ("ExecutionDoesNotExist", CallClass::NotFound),
    ("NoSuchBucket", CallClass::NotFound),
    ("NoSuchChange", CallClass::NotFound),
    ("NoSuchHostedZone", CallClass::NotFound),
    ("NoSuchKey", CallClass::NotFound),
    ("NotFound", CallClass::NotFound),
    ("StateMachineDoesNotExist", CallClass::NotFound),
    // Taken.
    ("DBProxyTargetAlreadyRegisteredFault", CallClass::AlreadyExists),
    ("ResourceExistsException", CallClass::AlreadyExists),
    // "Invalid...State" by their spelling, but wrong settings by their meaning.
    ("InvalidVPCNetworkStateFault", CallClass::Invalid),
    // Nobody knows whether it acted.
    ("InternalError", CallClass::Unknown),
    ("InternalFailure", CallClass::Unknown),
    ("InternalServerError", CallClass::Unknown),
    ("InternalServiceError", CallClass::Unknown),
    ("RequestTimeout", CallClass::Unknown),
    ("RequestTimeoutException", CallClass::Unknown),
    ("ServiceUnavailable", CallClass::Unknown),
    ("ServiceUnavailableException", CallClass::Unknown),
];

/// The failure of `action`, from what the SDK says. Never its `Display`, which is just "service error".
pub(crate) fn call_error<E>(action: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let unknown = |code: &str, message: String| CallError::new(CallClass::Unknown, action, code, message);
    match error {
        SdkError::ConstructionFailure(_) => {
            CallError::new(CallClass::Invalid, action, "request", format!("could not be built: {}", chain(error)))
        }
        SdkError::TimeoutError(_) => unknown("timeout", format!("no answer in time, it may have acted: {}", chain(error))),
        SdkError::DispatchFailure(_) => unknown("dispatch", format!("the connection failed before an answer came: {}", chain(error))),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            unknown("response", format!("the answer (HTTP {status}) cannot be understood, it may have acted{}", request(response.raw())))
        }
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let message = service.err().message().unwrap_or("without a message");
            let text = format!("{}{}", shortened(message), request(service.raw()));
            match service.err().code() {
                Some(code) => CallError::new(class_of(action, code, message, status), action, code, text),
                None => CallError::new(class_without_code(status), action, format!("HTTP {status}"), text),
            }
        }
        other => unknown("sdk", format!("failed in a way that this SDK did not have: {}", chain(other))),
    }
}

/// A failure that the SDK does not see: an answer that lacks what it must have, or an input that must not be sent.
pub(crate) fn invalid(action: &str, field: &str, message: impl Into<String>) -> CallError {
    CallError::new(CallClass::Invalid, action, field, message)
}

/// The failure of a call on something of Lifeboat's own (table, bucket, topic, machine): if that does not exist,
/// no recovery point is missing, but a setting is wrong, and a person is needed.
#[cfg(any(feature = "dynamodb", feature = "s3", feature = "sfn", feature = "sns"))]
pub(crate) fn own_call_error<E>(action: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let error = call_error(action, error);
    if error.class == CallClass::NotFound { CallError { class: CallClass::Invalid, ..error } } else { error }
}

/// The class of a code. What no rule knows is `Invalid`: a 4xx with a code is a refusal, so nothing happened
/// and the same call will be refused again; a person reads the code and the message.
fn class_of(action: &str, code: &str, message: &str, status: u16) -> CallClass {
    if code.starts_with("SnapshotQuotaExceeded") {
        return quota_or_queue(message);
    }
    if code == "LimitExceededException" && !action.starts_with("dynamodb:") {
        return CallClass::Quota;
    }
    if let Some((_, class)) = CODES.iter().find(|(known, _)| *known == code) {
        return *class;
    }
    if code.contains("Throttl") {
        return CallClass::Throttled;
    }
    if status >= 500 {
        return CallClass::Unknown;
    }
    by_spelling(code, status)
}

/// The same code for "prune first" and for "other copies are still running": only the message tells.
fn quota_or_queue(message: &str) -> CallClass {
    let message = message.to_ascii_lowercase();
    if ["across regions", "in flight", "in progress"].iter().any(|words| message.contains(words)) {
        CallClass::WrongState
    } else {
        CallClass::Quota
    }
}

/// AWS spells codes by habit, with and without `Fault` or `Exception`.
fn by_spelling(code: &str, status: u16) -> CallClass {
    let stem = code.trim_end_matches("Exception").trim_end_matches("Fault");
    if stem.ends_with("AlreadyExists") {
        CallClass::AlreadyExists
    } else if stem.ends_with("NotFound") {
        CallClass::NotFound
    } else if stem.starts_with("Invalid") && stem.ends_with("State") {
        CallClass::WrongState
    } else if stem.starts_with("Insufficient") && stem.ends_with("Capacity") {
        CallClass::NoCapacity
    } else if stem.ends_with("QuotaExceeded") || stem.ends_with("LimitExceeded") {
        CallClass::Quota
    } else if stem.starts_with("AccessDenied") || stem.ends_with("AccessDenied") || stem.starts_with("Unauthorized") {
        CallClass::Denied
    } else {
        match status {
            408 => CallClass::Unknown,
            429 => CallClass::Throttled,
            _ => CallClass::Invalid,
        }
    }
}

/// Without a code AWS itself may not have spoken (a proxy, a broken body): only a throttle is certain.
const fn class_without_code(status: u16) -> CallClass {
    if status == 429 { CallClass::Throttled } else { CallClass::Unknown }
}

/// ` (request 4711)`, if the answer names it.
fn request(response: &HttpResponse) -> String {
    let headers = response.headers();
    let id = headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"));
    id.map(|id| format!(" (request {id})")).unwrap_or_default()
}

/// The causes, outermost first, without the SDK's own general word for them.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    shortened(&causes.join(": "))
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests;
