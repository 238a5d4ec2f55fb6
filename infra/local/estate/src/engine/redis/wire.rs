//! The little of Redis's protocol (RESP 2) that the engine needs: one command a connection, over the server's Unix socket.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::super::error::EngineError;
use super::config::ADMIN;

/// A command, on an overloaded machine; a server that hangs is given up after it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a command as the engine's administrator; answers with the text or the number in the reply.
pub(super) async fn ask(socket: &Path, secret: &str, what: &'static str, words: &[&str]) -> Result<String, EngineError> {
    let wrong = |why: String| EngineError::Sql { what, why };
    let talk = async {
        let stream = UnixStream::connect(socket).await?;
        let mut stream = BufReader::new(stream);
        let mut said = encoded(&["AUTH", ADMIN, secret]);
        said.extend(encoded(words));
        stream.write_all(&said).await?;
        let login = reply(&mut stream).await?;
        Ok::<_, std::io::Error>(match login {
            Ok(_) => reply(&mut stream).await?,
            Err(why) => Err(why),
        })
    };
    let answered = timeout(PATIENCE, talk).await;
    let answered = answered.map_err(|_| EngineError::Slow { what: what.to_owned(), limit: PATIENCE })?;
    answered.map_err(|error| wrong(error.to_string()))?.map_err(wrong)
}

fn encoded(words: &[&str]) -> Vec<u8> {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    text.into_bytes()
}

/// One reply: a simple text, a number, or a bulk text; or what the server refused it with.
async fn reply(stream: &mut BufReader<UnixStream>) -> std::io::Result<Result<String, String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(std::io::Error::other("the server hung up"));
    }
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
    Ok(match kind {
        "+" | ":" => Ok(rest.to_owned()),
        "$" => {
            let Ok(length) = rest.parse::<usize>() else { return Ok(Ok(String::new())) };
            let mut text = vec![0; length + 2];
            stream.read_exact(&mut text).await?;
            text.truncate(length);
            Ok(String::from_utf8_lossy(&text).into_owned())
        }
        "-" => Err(rest.to_owned()),
        _ => Err(format!("a reply that the engine does not read: {line}")),
    })
}

/// A field of `INFO`.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_texts() {
        assert_eq!(encoded(&["GET", "a b"]), b"*2\r\n$3\r\nGET\r\n$3\r\na b\r\n");
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Replication\r\nrole:slave\r\nmaster_link_status:up\r\n";
        assert_eq!(field(info, "role"), Some("slave"));
        assert_eq!(field(info, "master_link"), None);
    }
}
