//! What the README says of the tests.

use std::path::Path;

/// The tests it links to, each as its name and the file it is said to be in.
fn links() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../README.md").split("[`").filter_map(|link| {
        let (name, rest) = link.split_once("`](")?;
        let (path, _) = rest.split_once(')')?;
        path.starts_with("tests/").then_some((name, path))
    })
}

#[test]
fn every_test_that_the_readme_names_is_where_it_says() {
    let mut rows = 0;
    for (name, path) in links() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
        let declared = ["(", "<"].iter().any(|next| text.contains(&format!("fn {name}{next}")));
        assert!(declared, "there is no `{name}` in {path}");
        rows += 1;
    }
    assert!(rows >= 17, "found {rows} of the rows of the page we follow");
}
