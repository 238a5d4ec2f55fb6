//! One certificate authority per estate, and one certificate for all its servers.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};

use super::error::EngineError;
use super::front::hosts;
use super::host::Host;

/// Makes them, unless an estate in the same directory already has.
pub(super) fn prepare(host: &Host) -> Result<(), EngineError> {
    let dir = host.tls_dir();
    let certificate = dir.join("server.crt");
    if certificate.exists() {
        return Ok(());
    }
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name.push(DnType::CommonName, "Lifeboat estate CA");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

    // A name that parses as an address becomes an IP SAN.
    let addresses = hosts().map(|host| host.to_string());
    let mut server = CertificateParams::new(addresses.chain(["localhost".to_owned(), "127.0.0.1".to_owned()]).collect::<Vec<_>>())?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let signed = server.signed_by(&key, &ca)?;

    host.write(&dir.join("ca.pem"), &ca.pem(), 0o644)?;
    host.write(&dir.join("server.key"), &key.serialize_pem(), 0o600)?;
    host.write(&certificate, &signed.pem(), 0o644)
}
