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

/// A row of a table, as its cells.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// The number that a figure begins with.
fn number(figure: &str) -> u64 {
    let digits: String = figure
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(|c| *c != ',')
        .collect();
    digits.parse().unwrap_or_else(|_| panic!("{figure} is no figure"))
}

/// How many rows there are, and how much their figures are together.
type Sum = (usize, u64);

/// All that the page says of one law, by what runs it: `laws`, other suites, the kit, loom.
fn sums_of(law: &str) -> [Sum; 4] {
    let head = format!("\n### Law {law}\n");
    let (_, rest) = RELIABILITY.split_once(&head).unwrap_or_else(|| panic!("no law {law}"));
    let section = rest.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
    let mut sums = [(0, 0); 4];
    let own = format!("[`law_{law:0>2}_");
    for row in section.lines().filter(|row| row.starts_with("| [`")) {
        let cells = cells(row);
        let is_in = |suite: &str| cells[1].starts_with(&format!("`{suite}`"));
        let place = match () {
            () if is_in("laws") => 0,
            () if is_in("conformance") => 2,
            () if cells[1] == "loom" => 3,
            // Neither firmware nor a browser.
            () if cells[0].starts_with(&own) && cells[1].starts_with('`') => 1,
            () => continue,
        };
        sums[place].0 += 1;
        sums[place].1 += number(cells[2]);
    }
    sums
}

#[test]
fn the_table_of_laws_on_the_page_on_reliability_adds_up() {
    let mut laws = 0;
    for row in RELIABILITY.lines().filter(|row| row.starts_with("| [") && row.contains("](#law-")) {
        let cells = cells(row);
        let law = cells[0].trim_start_matches('[').split(']').next().unwrap();
        let numbers = |cell: &str| match cell {
            "–" => vec![],
            some => some.split(", ").map(number).collect(),
        };
        let both = |(rows, sum): Sum| if rows == 0 { vec![] } else { vec![rows as u64, sum] };
        let sum = |(rows, sum): Sum| if rows == 0 { vec![] } else { vec![sum] };
        let [own, others, kit, loom] = sums_of(law);
        let there = [cells[1], cells[2], cells[3], cells[6]].map(numbers);
        assert_eq!(there, [both(own), sum(others), sum(kit), both(loom)], "law {law}: {row}");
        laws += 1;
    }
    assert_eq!(laws, 20);
}

#[test]
fn the_models_on_the_page_on_reliability_are_as_many_as_it_says() {
    let mut models: Vec<_> = RELIABILITY
        .lines()
        .map(cells)
        .filter(|cells| cells.len() == 3 && cells[1] == "loom")
        .map(|cells| (cells[0], number(cells[2])))
        .collect();
    models.sort_unstable();
    models.dedup();
    let schedules: u64 = models.iter().map(|(_, schedules)| schedules).sum();
    let head = RELIABILITY.lines().find(|row| row.starts_with("| [loom](")).expect("its row");
    let said: Vec<_> = cells(head)[2].split(", ").take(2).map(number).collect();
    assert_eq!(said, [models.len() as u64, schedules]);
}

/// The row of the page's table of suites that begins so, as its cells.
fn suite(begin: &str) -> Vec<&'static str> {
    let row = RELIABILITY.lines().find(|row| row.starts_with(&format!("| {begin}")));
    cells(row.unwrap_or_else(|| panic!("no row begins with {begin}")))
}

/// All files in a folder, and in folders in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).expect("it is there").map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn each_mutation_of_the_core_is_in_the_table_of_mutations_and_their_number_on_the_page() {
    let folder = root().join("core/tests/loom");
    let script = read(&folder.join("mutations"));
    let mut there: Vec<_> = script
        .lines()
        .filter_map(|line| line.strip_prefix("mutation ")?.split(' ').next())
        .collect();
    let table = read(&folder.join("MUTATIONS.md"));
    let mut listed: Vec<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    there.sort_unstable();
    listed.sort_unstable();
    assert_eq!(there, listed, "the script's, and those of MUTATIONS.md");
    let figure = suite("its [mutations](")[2];
    let (_, of) = figure.split_once(" of ").expect("so many of so many");
    assert_eq!(number(of), there.len() as u64, "{figure}");
}

#[test]
fn the_corpus_on_the_page_on_reliability_is_as_large_as_it_says() {
    let programs = files(&root().join("fuzz/corpus/growing_table")).len();
    assert_eq!(number(suite("its programs that the fuzzer keeps")[2]), programs as u64);
}

#[test]
fn the_unit_tests_of_the_core_are_as_many_as_the_page_on_reliability_says() {
    let sources = files(&root().join("core/src"));
    let tests: usize = sources.iter().map(|file| read(file).matches("#[test]\n").count()).sum();
    assert_eq!(number(suite("[core](")[2]), tests as u64);
}
