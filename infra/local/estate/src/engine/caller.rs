//! Who has connected: on AWS a security group knows a function by its network interface, here by the process at the other end.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// What the Lambda runtime tells a function of itself, and how the only one that opens databases is called in any stack.
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME=";
const PROBER: &str = "-validate";

/// Whether the process whose end of a connection on this machine is `theirs` is the prober.
pub(super) fn is_prober(theirs: SocketAddr, ours: SocketAddr) -> bool {
    let Some(inode) = fs::read_to_string("/proc/net/tcp").ok().and_then(|table| inode_of(&table, theirs, ours)) else { return false };
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().filter(|entry| is_number(&entry.file_name().to_string_lossy()));
    let holders = processes.filter(|process| {
        let open = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        open.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target.to_string_lossy() == socket)
    });
    holders.filter_map(|process| fs::read(process.path().join("environ")).ok()).any(|environment| names_prober(&environment))
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The inode of the socket at `theirs` that is connected to `ours`, by the kernel's table of TCP connections.
fn inode_of(table: &str, theirs: SocketAddr, ours: SocketAddr) -> Option<u64> {
    let (theirs, ours) = (in_hexadecimal(theirs)?, in_hexadecimal(ours)?);
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = lines.find(|words| words.get(1) == Some(&theirs.as_str()) && words.get(2) == Some(&ours.as_str()))?;
    found.get(9)?.parse().ok().filter(|inode| *inode > 0)
}

/// As the kernel writes it: the address in the machine's byte order, then the port.
fn in_hexadecimal(address: SocketAddr) -> Option<String> {
    let IpAddr::V4(host) = address.ip() else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(host.octets()), address.port()))
}

fn names_prober(environment: &[u8]) -> bool {
    let mut variables = environment.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
    variables.any(|variable| variable.strip_prefix(FUNCTION).is_some_and(|name| name.ends_with(PROBER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_of_a_connection_is_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0200007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 111 1\n\
             1: 0100007F:C350 0200007F:1538 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n\
             2: 0100007F:C351 0200007F:1538 06 00000000:00000000 00:00000000 00000000     0        0 0 1\n";
        let ours = "127.0.0.2:5432".parse().unwrap();
        assert_eq!(inode_of(table, "127.0.0.1:50000".parse().unwrap(), ours), Some(222));
        assert_eq!(inode_of(table, "127.0.0.1:50001".parse().unwrap(), ours), None, "nobody holds it any more");
        assert_eq!(inode_of(table, "127.0.0.1:50002".parse().unwrap(), ours), None);
    }

    #[test]
    fn only_the_function_that_opens_databases_is_the_prober() {
        assert!(names_prober(b"PATH=/bin\0AWS_LAMBDA_FUNCTION_NAME=lifeboat-validate\0X=1\0"));
        for other in
            ["AWS_LAMBDA_FUNCTION_NAME=lifeboat-restore-act", "NAME=lifeboat-validate", "", "X=AWS_LAMBDA_FUNCTION_NAME=a-validate"]
        {
            assert!(!names_prober(other.as_bytes()), "{other}");
        }
    }
}
