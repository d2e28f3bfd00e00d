//! Webhooks: signed events end in bronze once, whatever is sent twice and whenever the receiver is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use ring::hmac;

use crate::support::{affluent, output, success};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("webhooks::signed_events_end_in_bronze_once", signed),
        Trial::test("webhooks::a_kill_loses_and_doubles_nothing", killed),
        Trial::test("webhooks::thousands_a_second", thousands),
        Trial::test("webhooks::faults_of_config_are_told", faults),
    ]
}

const PIPELINE: &str = include_str!("webhooks/pipeline.yaml");
const SECRET: &str = "whsec_of_the_test";

/// `affluent receive` over a pipeline in a folder; killed when dropped.
struct Receiver {
    child: Child,
    /// Kept open: a reader that goes away ends the command.
    _stdout: BufReader<std::process::ChildStdout>,
    addr: SocketAddr,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_pipeline(folder: &Path) -> Result<String, Failed> {
    let path = folder.join("pipeline.yaml");
    std::fs::write(&path, PIPELINE)?;
    Ok(path.display().to_string())
}

fn with_secret(command: &mut Command) -> &mut Command {
    command.env("HOOK_SECRET", SECRET)
}

fn receive(pipeline: &str, more: &[&str]) -> Result<Receiver, Failed> {
    let mut command = affluent(&["receive", pipeline, "--listen", "127.0.0.1:0", "--quiet"]);
    with_secret(&mut command).args(more).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut line = String::new();
    let stdout = child.stdout.take().ok_or("no stdout")?;
    let mut stdout = BufReader::new(stdout);
    stdout.read_line(&mut line)?;
    let addr = line.trim().rsplit('/').next().unwrap_or_default().parse();
    Ok(Receiver { addr: addr.map_err(|_| format!("no address in `{line}`"))?, child, _stdout: stdout })
}

fn land(pipeline: &str, more: &[&str]) -> Result<String, Failed> {
    let mut command = affluent(&["run", pipeline, "--stage", "extract"]);
    success(with_secret(&mut command).args(more))
}

fn query(folder: &Path, sql: &str) -> Result<Vec<String>, Failed> {
    let lake = folder.join("lake").display().to_string();
    let answer = success(&mut affluent(&["sql", sql, "--lake", &lake, "--format", "csv"]))?;
    Ok(answer.lines().skip(1).map(str::to_owned).collect())
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}").into()) }
}

/// A connection that stays open.
struct Line {
    stream: BufReader<TcpStream>,
}

impl Line {
    fn open(addr: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request; its status and body.
    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<(u16, String)> {
        let length = body.len();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: hooks\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = 0;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            if status == 0 {
                status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
            } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

fn once(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Result<(u16, String), Failed> {
    Ok(Line::open(addr)?.send(method, path, headers, body)?)
}

fn stripe(body: &str, age: u64) -> String {
    let time = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs() - age;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Stripe-Signature: t={time},v1={hex}\r\n")
}

fn signed() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let pipeline = write_pipeline(folder)?;
    success(&mut affluent(&["check", &pipeline]))?;
    let receiver = receive(&pipeline, &[])?;
    let event = |id: u32| format!(r#"{{"id":"evt_{id}","type":"charge.refunded","created":1767225600,"amount":12.5}}"#);
    for id in 0..10 {
        let body = event(id);
        // Each is sent twice, as vendors do that did not see the answer.
        for _ in 0..2 {
            expect("signed", once(receiver.addr, "POST", "/stripe", &stripe(&body, 0), &body)?.0, 200)?;
        }
    }
    let body = event(99);
    let spoilt = stripe(&body, 0).replace("v1=", "v1=00");
    expect("wrong signature", once(receiver.addr, "POST", "/stripe", &spoilt, &body)?.0, 401)?;
    expect("too old", once(receiver.addr, "POST", "/stripe", &stripe(&body, 301), &body)?.0, 401)?;
    expect("unsigned", once(receiver.addr, "POST", "/stripe", "", &body)?.0, 401)?;
    let several = r#"[{"id":1,"of":"a"},{"id":2,"of":"a"},{"id":1,"of":"b"},{"id":1,"of":"a","try":2},{"of":"c"}]"#;
    expect("several", once(receiver.addr, "POST", "/open?x=1", "", several)?.0, 200)?;
    expect("no JSON", once(receiver.addr, "POST", "/open", "", "hello")?.0, 200)?;
    expect("method", once(receiver.addr, "GET", "/open", "", "")?.0, 405)?;
    expect("path", once(receiver.addr, "POST", "/nowhere", "", "{}")?.0, 404)?;
    let (status, health) = once(receiver.addr, "GET", "/health", "", "")?;
    let health: serde_json::Value = serde_json::from_str(&health)?;
    expect("health", (status, health["status"].as_str()), (200, Some("ok")))?;
    let of = |name: &str| health["streams"]["hooks.stripe"][name].as_u64();
    expect("counts", (of("kept"), of("unsigned")), (Some(20), Some(3)))?;

    // While it receives, another process lands; and again after a stop by SIGTERM.
    land(&pipeline, &[])?;
    expect(
        "landed",
        query(folder, "select count(*), count(distinct _event_id), sum(amount) from bronze.hooks_stripe")?,
        vec!["10,10,125.0".to_owned()],
    )?;
    let body = event(10);
    expect("one more", once(receiver.addr, "POST", "/stripe", &stripe(&body, 0), &body)?.0, 200)?;
    let again = event(3).replace("12.5", "13.5");
    expect("known again", once(receiver.addr, "POST", "/stripe", &stripe(&again, 0), &again)?.0, 200)?;
    success(Command::new("kill").arg(receiver.child.id().to_string()))?;
    let mut receiver = receiver;
    expect("exit code", receiver.child.wait()?.code(), Some(143))?;
    land(&pipeline, &["--full-refresh"])?;
    expect(
        "in the end",
        query(folder, "select count(*), sum(amount), max(created) from bronze.hooks_stripe")?,
        vec!["11,137.5,2026-01-01T00:00:00Z".to_owned()],
    )?;
    expect(
        "of several",
        query(folder, "select _event_id from bronze.hooks_open order by 1")?,
        ["1/a", "1/b", "2/a"].map(str::to_owned).to_vec(),
    )?;
    let quarantined = query(folder, "select count(*) from _affluent.quarantine where stream = 'hooks.open'")?;
    expect("in quarantine", quarantined, vec!["2".to_owned()])
}

/// Sends events until told to stop, some of them twice, over connections that are opened again; what was acknowledged.
fn load(addr: SocketAddr, round: usize, stop: &AtomicBool, next: &AtomicUsize, kept: &Mutex<BTreeSet<String>>) {
    let mut line = None;
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{round}-{number}");
        let body = format!(r#"{{"id":"{id}","of":"x","pad":"{}"}}"#, "p".repeat(number % 300));
        for _ in 0..=usize::from(number.is_multiple_of(7)) {
            let sent = match line.take().map_or_else(|| Line::open(addr), Ok) {
                Ok(mut open) => open.send("POST", "/open", "", &body).inspect(|_| line = Some(open)),
                Err(error) => Err(error),
            };
            match sent {
                Ok((200, _)) => {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{id}/x"));
                }
                Ok(_) => {}
                Err(_) => line = None,
            }
        }
    }
}

fn killed() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let pipeline = write_pipeline(folder)?;
    let kept = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..6_usize {
        let mut receiver = receive(&pipeline, &["--every", "1s"])?;
        let stop = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let (addr, stop, next, kept) = (receiver.addr, stop.clone(), next.clone(), kept.clone());
                std::thread::spawn(move || load(addr, round, &stop, &next, &kept))
            })
            .collect();
        // Most rounds are long enough for landings to be cut off too.
        std::thread::sleep(Duration::from_millis([350, 1100, 1350, 2050, 2600, 3150][round]));
        receiver.child.kill()?;
        receiver.child.wait()?;
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().map_err(|_| "a sender panicked")?;
        }
        if round == 2 {
            // Half a record, as a loss of power may leave it.
            let mut segments: Vec<_> = std::fs::read_dir(folder.join("webhooks/hooks/open"))?
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
                .collect();
            segments.sort();
            let last = segments.last().ok_or("no segment")?;
            std::fs::File::options().append(true).open(last)?.write_all(&[9, 0, 0, 0, 1, 2, 3])?;
        }
    }
    drop(receive(&pipeline, &[])?);
    land(&pipeline, &[])?;
    land(&pipeline, &[])?;
    let found = query(folder, "select _event_id from bronze.hooks_open")?;
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let lost = kept.difference(&distinct).count();
    println!("webhooks: {} events acknowledged over 6 kills, {} in bronze", kept.len(), found.len());
    expect("acknowledged and lost", lost, 0)?;
    expect("doubled", found.len() - distinct.len(), 0)?;
    if kept.len() < 200 { Err(format!("only {} events were acknowledged", kept.len()).into()) } else { Ok(()) }
}

fn thousands() -> Result<(), Failed> {
    const SENDERS: usize = 64;
    const EACH: usize = 250;
    let folder = tempfile::tempdir()?;
    let pipeline = write_pipeline(folder.path())?;
    let receiver = receive(&pipeline, &[])?;
    let addr = receiver.addr;
    let began = Instant::now();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            std::thread::spawn(move || -> std::io::Result<usize> {
                let mut line = Line::open(addr)?;
                let mut kept = 0;
                for number in 0..EACH {
                    let body = format!(r#"{{"id":"{sender}-{number}","type":"contact.propertyChange","created":1767225600,"amount":1}}"#);
                    kept += usize::from(line.send("POST", "/stripe", &stripe(&body, 0), &body)?.0 == 200);
                }
                Ok(kept)
            })
        })
        .collect();
    let mut kept = 0;
    for sender in senders {
        kept += sender.join().map_err(|_| "a sender panicked")??;
    }
    let rate = kept as f64 / began.elapsed().as_secs_f64();
    let (_, health) = once(addr, "GET", "/health", "", "")?;
    let health: serde_json::Value = serde_json::from_str(&health)?;
    let syncs = health["streams"]["hooks.stripe"]["syncs"].as_u64().unwrap_or_default();
    println!("webhooks: {kept} signed events in {syncs} syncs, {rate:.0} a second");
    expect("kept", kept, SENDERS * EACH)?;
    if rate < 1000.0 { Err(format!("{rate:.0} events a second").into()) } else { Ok(()) }
}

fn faults() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (from, to, told) in [
        ("signature: none", "raw: true", "`signature` is missing"),
        ("path: /open", "path: open", "`open` is not the path of an address"),
        ("path: /open", "path: /health", "`/health` is the receiver's own"),
        ("path: /open", "path: /stripe", "`hooks.stripe` takes the events of `/stripe` already"),
        ("path: /open, ", "", "`path` is missing"),
        ("stripe: { secret: { env: HOOK_SECRET } }", "stripe: { secret: whsec }", "expected"),
        (
            "stripe: { secret: { env: HOOK_SECRET } }",
            "hmac: { header: \"a b\", secret: { env: X } }",
            "`a b` is not the name of a header",
        ),
        ("connector: webhooks", "connector: files", "`signature` is for `connector: webhooks` alone"),
        ("connector: webhooks", "connector: webhook", "did you mean `webhooks`"),
    ] {
        let text = PIPELINE.replace(from, to);
        let path = folder.path().join("pipeline.yaml");
        std::fs::write(&path, text)?;
        let checked = output(&mut affluent(&["check", &path.display().to_string()]))?;
        let stderr = String::from_utf8_lossy(&checked.stderr).into_owned();
        if checked.status.code() != Some(2) || !stderr.contains(told) || !stderr.contains("pipeline.yaml:") {
            return Err(format!("{to}: {:?}\n{stderr}", checked.status.code()).into());
        }
    }
    let path = folder.path().join("pipeline.yaml");
    std::fs::write(&path, PIPELINE)?;
    let unset = output(affluent(&["receive", &path.display().to_string()]).env_remove("HOOK_SECRET"))?;
    expect("without its secret", unset.status.code(), Some(4))
}
