//! The same cases as `compare` runs, under criterion: a group for each figure, runtime and N, a line for each contender.
//!
//! `cargo bench -p task-registry-benches --bench workloads -- 'W1 .* tokio-current'` runs some of them. One iteration is one
//! repeat of the workload, and the throughput counts its operations. Only the timed parts count. Of 100,000 tasks there are fewer samples.

// What the macros make has no documentation.
#![allow(missing_docs)]

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use task_registry_benches::cases::{Ask, Case, all};

/// Larger ones take long: `compare` runs those too.
const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];

fn workloads(criterion: &mut Criterion) {
    let cases: Vec<Case> = all().into_iter().filter(|case| case.timed).collect();
    for contest in cases.chunk_by(|one, other| {
        (one.runtime, one.figures[0].id) == (other.runtime, other.figures[0].id)
    }) {
        for &n in contest[0].sizes.iter().filter(|n| SIZES.contains(n)) {
            for (index, figure) in contest[0].figures.iter().enumerate() {
                let name = format!("{} {} · {n} · {}", figure.id, figure.what, contest[0].runtime);
                let mut group = criterion.benchmark_group(name);
                group.sample_size(20).warm_up_time(Duration::from_millis(200));
                group.measurement_time(Duration::from_secs(1));
                if n > 10_000 {
                    group.sample_size(10).sampling_mode(SamplingMode::Flat);
                }
                group.throughput(Throughput::Elements((contest[0].operations)(n) as u64));
                for case in contest.iter().filter(|case| n <= case.most) {
                    let mut open = None;
                    let mut sample = |repeats: u64| {
                        let open = open.get_or_insert_with(|| (case.open)(n, false));
                        open(Ask::Sample(repeats as usize))[index].time
                    };
                    group.bench_function(case.contender.trim(), |bencher| {
                        bencher.iter_custom(&mut sample);
                    });
                    if let Some(mut open) = open {
                        open(Ask::Close);
                    }
                }
                group.finish();
            }
        }
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);
