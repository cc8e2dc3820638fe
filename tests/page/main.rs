//! The page of `examples/browser`, in a browser without a screen, with real clicks.
//!
//! `.ci/targets` builds the page, says in `PAGE` where it is, and runs these.

mod webdriver;

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use tokio::net::TcpListener;

use webdriver::Browser;

/// Serves the page's files on a port of its own for as long as the test runs.
async fn serve(folder: PathBuf) -> SocketAddr {
    let files = Router::new().fallback(move |uri: Uri| async move {
        let path = uri.path().trim_start_matches('/');
        let path = Path::new(if path.is_empty() { "index.html" } else { path });
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => "text/html",
            Some("js") => "text/javascript",
            Some("wasm") => "application/wasm",
            _ => return Err(StatusCode::NOT_FOUND),
        };
        match std::fs::read(folder.join(path)) {
            Ok(file) if is_inside => Ok(([(header::CONTENT_TYPE, kind)], file)),
            _ => Err(StatusCode::NOT_FOUND),
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, files).await });
    address
}

/// Opens the page, and waits until it lists its tasks.
async fn open() -> Browser {
    let page = std::env::var_os("PAGE").expect("PAGE says where the page is: see `.ci/targets`");
    let browser = Browser::open(&format!("http://{}", serve(page.into()).await)).await;
    browser.until("#tasks li", |rows| rows.len() >= 3).await;
    browser
}

const NAMES: &str = "#tasks li span:first-child";

#[tokio::test]
#[ignore = "needs the built page and a browser: `.ci/targets` runs it"]
async fn a_click_on_cancel_takes_the_row_away_when_the_tasks_future_is_gone() {
    let browser = open().await;
    assert_eq!(browser.texts(NAMES).await, ["clock", "draft", "feed:42"]);
    browser.click("li[data-name='clock'] button").await;
    browser.until(NAMES, |names| names == ["draft", "feed:42"]).await;
    assert_eq!(
        browser.texts("#log li").await,
        ["hello", "clock: its future is gone", "clock: cancelled"],
        "the row went with the last of these"
    );
    for name in ["draft", "feed:42"] {
        let state = format!("li[data-name='{name}'] span:nth-child(2)");
        assert!(browser.texts(&state).await[0].starts_with("running"), "nobody asked {name}");
    }
}

#[tokio::test]
#[ignore = "needs the built page and a browser: `.ci/targets` runs it"]
async fn a_row_stays_until_the_cleanup_of_its_task_is_over() {
    let browser = open().await;
    let state = "li[data-name='draft'] span:nth-child(2)";
    browser.click("li[data-name='draft'] button").await;
    browser.until(state, |texts| texts[0].starts_with("stopping")).await;
    // The page goes on meanwhile, and this task stays.
    browser.click("li[data-name='feed:42'] button").await;
    browser.until(NAMES, |names| names == ["clock", "draft"]).await;
    assert!(browser.texts(state).await[0].starts_with("stopping"));
    let before = browser.texts("#log li").await;
    assert!(before.contains(&"draft: its future is gone".to_owned()));
    assert!(!before.contains(&"draft: cancelled".to_owned()));

    browser.click("#saved").await;
    browser.until(NAMES, |names| names == ["clock"]).await;
    assert_eq!(browser.texts("#log li:last-child").await, ["draft: cancelled"]);
}

#[tokio::test]
#[ignore = "needs the built page and a browser: `.ci/targets` runs it"]
async fn the_list_is_live_and_a_live_name_is_refused() {
    let browser = open().await;
    let state = "li[data-name='clock'] span:nth-child(2)";
    let first = browser.texts(state).await;
    browser.until(state, |texts| texts != first).await;

    browser.write("#name", "feed:43").await;
    browser.click("#add button").await;
    browser.until(NAMES, |names| names == ["clock", "draft", "feed:42", "feed:43"]).await;
    browser.click("#add button").await;
    browser.until("#answer", |answer| !answer[0].is_empty()).await;
    assert!(browser.texts("#answer").await[0].contains("a live task has this name"));
    assert_eq!(browser.texts("li[data-name='feed:43']").await.len(), 1);

    // Its name is free once it is gone.
    browser.click("li[data-name='feed:43'] button").await;
    browser.until(NAMES, |names| names == ["clock", "draft", "feed:42"]).await;
    browser.click("#add button").await;
    browser.until(NAMES, |names| names == ["clock", "draft", "feed:42", "feed:43"]).await;
    assert_eq!(browser.texts("#answer").await, [""]);
}
