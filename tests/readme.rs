//! What README and docs/reliability.md say of the tests.

use std::path::{Path, PathBuf};

const README: &str = include_str!("../README.md");
const RELIABILITY: &str = include_str!("../docs/reliability.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The tests that a page links to, each as its name and the file it is said to be in, seen from the page.
fn links(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("[`").filter_map(|link| {
        let (name, rest) = link.split_once("`](")?;
        let (path, _) = rest.split_once(')')?;
        let is_name = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        (is_name && path.ends_with(".rs")).then_some((name, path))
    })
}

/// Whether a file has a function of that name, or has `cases!` make one.
fn declares(text: &str, name: &str) -> bool {
    let made = || {
        text.split("\ncases! {").skip(1).any(|list| list.lines().any(|line| line.trim() == name))
    };
    ["(", "<"].iter().any(|next| text.contains(&format!("fn {name}{next}"))) || made()
}

/// Sees that each is where it is said to be, and how many there are.
#[track_caller]
fn check(page: &str, at: &Path) -> usize {
    let mut rows = 0;
    for (name, path) in links(page) {
        assert!(declares(&read(&at.join(path)), name), "there is no `{name}` in {path}");
        rows += 1;
    }
    rows
}

#[test]
fn every_test_that_the_readme_names_is_where_it_says() {
    let rows = check(README, root());
    assert!(rows >= 17, "found {rows} of the rows of the page we follow");
}

#[test]
fn every_test_that_the_page_on_reliability_names_is_where_it_says() {
    let rows = check(RELIABILITY, &root().join("docs"));
    assert!(rows >= 500, "found {rows} tests on that page");
}

/// The names in lists such as `tests/laws/list.rs`, which are what is run.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.trim().trim_end_matches(';'))
        .filter(|line| line.starts_with("law_") && !line.contains(|c: char| " :(".contains(c)))
}

#[test]
fn the_page_on_reliability_names_every_law_that_is_tested() {
    let named: Vec<_> = links(RELIABILITY).map(|(name, _)| name).collect();
    for list in [
        "tests/laws/list.rs",
        "tests/lifecycle/list.rs",
        "tests/restart/main.rs",
        "tests/firmware/laws/src/lib.rs",
        "conformance/src/cases.rs",
    ] {
        let text = read(&root().join(list));
        let mut laws = 0;
        for law in listed(&text) {
            assert!(named.contains(&law), "docs/reliability.md does not name `{law}` of {list}");
            laws += 1;
        }
        assert!(laws >= 10, "found {laws} laws in {list}");
    }
}

#[test]
fn the_page_on_reliability_names_every_model_of_loom() {
    let named: Vec<_> = links(RELIABILITY).collect();
    let folder = root().join("core/tests/loom");
    let files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("it is there").map(|file| file.unwrap().path()).collect();
    let mut models = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let path = format!("../core/tests/loom/{}", file.file_name().unwrap().to_str().unwrap());
        for test in read(file).split("#[test]\nfn ").skip(1) {
            let name = test.split('(').next().unwrap();
            assert!(named.contains(&(name, path.as_str())), "docs/reliability.md lacks `{name}`");
            models += 1;
        }
    }
    assert!(models >= 50, "found {models} models");
}
