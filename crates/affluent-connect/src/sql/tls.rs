//! Encryption of connections: which certificates are trusted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fs, io};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use super::access::{Access, Tls};
use crate::error::SourceError;

/// The certificates of the system and those of the user's file.
pub(super) fn certificates(access: &Access) -> Result<Vec<CertificateDer<'static>>, SourceError> {
    let mut all = rustls_native_certs::load_native_certs().certs;
    let Some(path) = &access.ca else { return Ok(all) };
    let place = path.display().to_string();
    let wrong =
        |what: String| SourceError::usage(&place, what).with_hint("`ca` names a PEM file of the certificates to trust");
    let pem = fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let before = all.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        all.push(certificate.map_err(|error| wrong(format!("is not PEM: {error}")))?);
    }
    if all.len() == before { Err(wrong("holds no certificate".to_owned())) } else { Ok(all) }
}

/// The provider of ciphers: the process's, which is chosen here where nobody did.
pub(super) fn provider() -> Arc<CryptoProvider> {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been first; then that one's holds.
        let _: Result<(), Arc<CryptoProvider>> = ring::default_provider().install_default();
    }
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()))
}

fn config(access: &Access) -> Result<ClientConfig, SourceError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| SourceError::failed(access.place(), error.to_string()))?;
    Ok(if access.tls == Tls::VerifyFull {
        let mut roots = RootCertStore::empty();
        // A system may hold certificates that are not understood; the others count.
        roots.add_parsable_certificates(certificates(access)?);
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let any = Arc::new(Any(provider()));
        builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
    })
}

/// Takes any certificate: the words `prefer` and `require` ask for encryption alone.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Makes encrypted connections to PostgreSQL.
#[derive(Clone)]
pub(super) struct Postgres(Arc<ClientConfig>);

impl Postgres {
    pub(super) fn new(access: &Access) -> Result<Self, SourceError> {
        Ok(Self(Arc::new(config(access)?)))
    }
}

/// A connector for one host.
pub(super) struct ToHost(TlsConnector, ServerName<'static>);

/// An encrypted stream.
pub(super) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S> MakeTlsConnect<S> for Postgres
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type TlsConnect = ToHost;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<ToHost> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(ToHost(TlsConnector::from(Arc::clone(&self.0)), name))
    }
}

impl<S> TlsConnect<S> for ToHost
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.0.connect(self.1, stream).await.map(Encrypted) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
