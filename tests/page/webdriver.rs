//! As much of WebDriver as the test of a page needs: <https://www.w3.org/TR/webdriver2/>.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// A driver of its own, started for this.
struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    fn start() -> Self {
        let path = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
        let mut process = Command::new(path)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver starts: it is on PATH, or CHROMEDRIVER says where");
        let output = process.stdout.take().expect("it is piped");
        let port = BufReader::new(output).lines().map_while(Result::ok).find_map(|line| {
            Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        let address = format!("127.0.0.1:{}", port.expect("it says its port"));
        Self { process, address }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A window of a browser without a screen.
pub(crate) struct Browser {
    driver: Driver,
    client: Client<HttpConnector, Body>,
    session: String,
}

impl Browser {
    /// Opens a page.
    pub(crate) async fn open(url: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut browser = Self { driver: Driver::start(), client, session: String::new() };
        let configuration = include_str!("../browser/webdriver.json");
        let capabilities: Value = serde_json::from_str(configuration).expect("valid JSON");
        let session = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = browser.call("", session).await.expect("a session");
        browser.session = format!("/{}", session["sessionId"].as_str().expect("its id"));
        browser.call("/url", json!({ "url": url })).await.expect("the page opens");
        browser
    }

    async fn call(&self, command: &str, body: Value) -> Result<Value, Value> {
        let url = format!("http://{}/session{}{command}", self.driver.address, self.session);
        let request = Request::post(url).body(Body::from(body.to_string())).expect("valid");
        let response = self.client.request(request).await.expect("the driver answers");
        let is_fine = response.status().is_success();
        let body = to_bytes(Body::new(response.into_body()), usize::MAX).await.expect("wholly");
        let mut answer: Value = serde_json::from_slice(&body).expect("valid JSON");
        let value = answer["value"].take();
        if is_fine { Ok(value) } else { Err(value) }
    }

    async fn run(&self, script: &str, argument: &str) -> Value {
        let script = json!({ "script": script, "args": [argument] });
        self.call("/execute/sync", script).await.expect("the script runs")
    }

    /// What is written in each element that the CSS selector selects, now.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)";
        serde_json::from_value(self.run(script, selector).await).expect("strings")
    }

    async fn element(&self, selector: &str) -> String {
        let found = json!({ "using": "css selector", "value": selector });
        let found = self.call("/element", found).await.expect("it is there");
        let id = found.as_object().and_then(|element| element.values().next()?.as_str());
        format!("/element/{}", id.expect("an element"))
    }

    /// Clicks, as a hand on a mouse does.
    pub(crate) async fn click(&self, selector: &str) {
        let command = self.element(selector).await + "/click";
        self.call(&command, json!({})).await.expect("it can be clicked");
    }

    /// Types, as hands on a keyboard do.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        let clear = format!("{element}/clear");
        self.call(&clear, json!({})).await.expect("it can be cleared");
        let keys = format!("{element}/value");
        self.call(&keys, json!({ "text": text })).await.expect("it takes text");
    }

    /// Looks again and again until the texts of the elements are as they should be; gives up after a while.
    pub(crate) async fn until(&self, selector: &str, is_so: impl Fn(&[String]) -> bool) {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let texts = self.texts(selector).await;
            if is_so(&texts) {
                return;
            }
            assert!(Instant::now() < limit, "it does not come to it: {selector} is {texts:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Browser {
    /// Closes the window, which would outlive its driver: also when a test fails, so nothing is awaited here.
    fn drop(&mut self) {
        let Self { driver, session, .. } = self;
        let close =
            format!("DELETE /session{session} HTTP/1.1\r\nHost: {}\r\n\r\n", driver.address);
        if let Ok(mut connection) = TcpStream::connect(&driver.address) {
            let _ = connection.write_all(close.as_bytes());
            let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
            // Answered when it is closed.
            let _ = connection.read(&mut [0]);
        }
    }
}
