//! Certificates are swapped a hundred times under load, by bindings and by files, good ones and bad: nobody notices.

mod bench;
mod running;
mod served;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bench::Bench;
use gatepost::Session;
use gatepost::model::binding::{Answer, Binding, BindingKey};
use gatepost::model::credential::Credential;
use gatepost::net::dial::Roots;
use gatepost::store::key_source::KeySource;
use gatepost::store::open::{Options, open};
use gatepost::store::store::{Store, StoredCertificate};
use gatepost::tls::certificate::fingerprint;
use gatepost::tls::issue::{Authority, Issued};
use gatepost::tls::pem;
use served::Served;

const DAY: Duration = Duration::from_secs(86_400);
const SWAPS: usize = 100;
const CLIENTS: usize = 3;

/// Sends requests until it is told to stop, each on a connection of its own, and one session that keeps its own.
async fn ask(url: String, roots: Vec<Vec<u8>>, password: String, done: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let session = || {
        let credential = Credential::login("demo", password.clone());
        Session::builder().roots(Roots::Only(roots.clone())).credential(credential).build().unwrap()
    };
    let (lasting, mut good, mut bad) = (session(), 0, Vec::new());
    while !done.load(Ordering::Acquire) || good < 50 {
        for session in [&session(), &lasting] {
            match session.get(&url).send().await {
                Ok(response) if response.status() == 200 => good += 1,
                Ok(response) => bad.push(response.status().to_string()),
                Err(error) => bad.push(error.to_string()),
            }
        }
        if !bad.is_empty() {
            break;
        }
    }
    (good, bad)
}

/// Swaps what is bound to `localhost`, and writes good and bad files into a directory that is bound, too.
async fn swap(bench: &Bench, store: &dyn Store, authority: &Authority) {
    let names = ["localhost".to_owned()];
    let issue = || authority.issue_server(&names, gatepost::clock::now(), DAY).unwrap();
    let pairs = [issue(), issue()];
    for issued in &pairs {
        let leaf = fingerprint(&issued.chain[0]);
        let stored = StoredCertificate { fingerprint: leaf, chain: issued.chain.clone(), key: issued.key.clone() };
        store.put_certificate(stored).await.unwrap();
    }
    let key: BindingKey = "localhost:0".parse().unwrap();
    for at in 0..SWAPS {
        let (next, other) = (&pairs[at % 2], &pairs[(at + 1) % 2]);
        let bound = store.bindings().await.unwrap().into_iter().find(|binding| binding.key == key).unwrap();
        let answer = Answer::Certificate(fingerprint(&next.chain[0]));
        store.update_binding(Binding { answer, ..bound.clone() }, &bound).await.unwrap();
        let whole = both(next);
        let mixed = both(&Issued { chain: next.chain.clone(), key: other.key.clone() });
        for content in [whole.as_str(), &whole[..at * 7 % whole.len()], &mixed, whole.as_str()] {
            bench.write("files/localhost.pem", content);
            tokio::task::yield_now().await;
        }
    }
}

fn both(issued: &Issued) -> String {
    let chain: String = issued.chain.iter().map(|der| pem::certificate_pem(der)).collect();
    chain + pem::key_pem(&issued.key).reveal_text().unwrap()
}

#[test]
fn a_hundred_swaps_fail_no_request() {
    let bench = Bench::new();
    let served = Served::start(&bench, "");
    let (url, password) = (served.of("url").to_owned(), served.of("password").to_owned());
    let authority = Authority::create("Swapper", gatepost::clock::now(), 9 * DAY).unwrap();
    let mut roots = pem::parse_chain_pem(&std::fs::read(served.of("ca")).unwrap()).unwrap();
    roots.push(authority.certificate_der().to_vec());
    std::fs::create_dir(bench.path().join("files")).unwrap();
    bench.gatepost("cert bind *:0 --dir files").assert().success();
    let state = bench.path().join(".local/state/gatepost");
    let store = open(&state.join("store.db"), KeySource::File(state.join("seal.key")), &Options::default()).unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (done, asked) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    runtime.block_on(async {
        let client = || ask(url.clone(), roots.clone(), password.clone(), Arc::clone(&done));
        let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(client())).collect();
        swap(&bench, store.as_ref(), &authority).await;
        done.store(true, Ordering::Release);
        for client in clients {
            let (good, bad) = client.await.unwrap();
            assert_eq!(bad, Vec::<String>::new(), "after {good} good ones");
            asked.fetch_add(good, Ordering::AcqRel);
        }
    });
    assert!(asked.into_inner() >= CLIENTS * 50);
    let last = format!("cert show --live {} --json", url.trim_start_matches("https://").trim_end_matches('/'));
    let wanted = store_hash(&runtime, store.as_ref());
    let comes = (0..1000).any(|_| {
        let output = bench.gatepost(&last).output().unwrap();
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        seen["path"][0]["sha256"] == wanted.as_str()
    });
    assert!(comes, "the last one is shown");
    served.end();
}

fn store_hash(runtime: &tokio::runtime::Runtime, store: &dyn Store) -> String {
    let bindings = runtime.block_on(store.bindings()).unwrap();
    let bound = bindings.iter().find(|binding| binding.key.to_string() == "localhost:0").unwrap();
    bound.certificate().unwrap().iter().map(|octet| format!("{octet:02x}")).collect()
}
