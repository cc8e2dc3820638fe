//! Cost over N, as pictures.

use std::error::Error;
use std::fs::create_dir_all;
use std::path::Path;

use plotters::prelude::*;

use crate::run::Line;

/// Of the contenders, in the order of the tables; ours is drawn in black.
const COLOURS: [RGBColor; 16] = [
    RGBColor(150, 150, 150),
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(214, 39, 40),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
    RGBColor(227, 119, 194),
    RGBColor(188, 189, 34),
    RGBColor(23, 190, 207),
    RGBColor(82, 84, 163),
    RGBColor(140, 109, 49),
    RGBColor(152, 223, 138),
    RGBColor(255, 152, 150),
    RGBColor(123, 65, 115),
    RGBColor(158, 218, 229),
];

/// Draws one picture for each figure and runtime that there are several N of.
pub(crate) fn draw(directory: &Path, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    create_dir_all(directory)?;
    let mut drawn: Vec<(&str, &str)> = Vec::new();
    for line in lines {
        let key = (line.figure.id, line.runtime);
        if drawn.contains(&key) {
            continue;
        }
        drawn.push(key);
        let lines: Vec<&Line> =
            lines.iter().filter(|line| (line.figure.id, line.runtime) == key).collect();
        if lines.iter().any(|line| line.n != lines[0].n) {
            let file = directory.join(format!("{}-{}.svg", key.0.to_lowercase(), key.1));
            picture(&file, &lines)?;
            eprintln!("{}", file.display());
        }
    }
    Ok(())
}

/// What is drawn: time, or, where memory is the figure, bytes.
fn cost(line: &Line) -> f64 {
    line.median_ns.unwrap_or(line.bytes).max(0.1)
}

fn picture(file: &Path, lines: &[&Line]) -> Result<(), Box<dyn Error>> {
    let first = lines[0];
    let unit = if first.median_ns.is_some() { "ns" } else { "bytes" };
    let range = |of: &dyn Fn(&Line) -> f64| {
        let all = || lines.iter().map(|line| of(line));
        (all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max))
    };
    let (n, costs) = (range(&|line| line.n as f64), range(&cost));
    let area = SVGBackend::new(file, (800, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let title = format!("{}: {} ({})", first.figure.id, first.figure.what, first.runtime);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (n.0..n.1 * 3.0).log_scale(),
            (costs.0 / 1.3..costs.1 * 1.3).log_scale(),
        )?;
    chart.configure_mesh().x_desc("N").y_desc(unit).light_line_style(WHITE).draw()?;
    let mut contenders: Vec<&str> = Vec::new();
    for line in lines {
        if !contenders.contains(&line.contender) {
            contenders.push(line.contender);
        }
    }
    for (index, contender) in contenders.into_iter().enumerate() {
        let ours = contender == "task-registry";
        let colour = if ours { BLACK } else { COLOURS[index] };
        let style = colour.stroke_width(if ours { 3 } else { 2 });
        let points = lines.iter().filter(|line| line.contender == contender);
        let points = points.map(|line| (line.n as f64, cost(line)));
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(contender.trim())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::MiddleRight)
        .border_style(BLACK.mix(0.2))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use task_registry_benches::cases::all;

    use super::COLOURS;

    #[test]
    fn each_contender_has_a_colour_of_its_own() {
        let cases = all();
        for contest in cases.chunk_by(|one, other| {
            (one.runtime, one.figures[0].id) == (other.runtime, other.figures[0].id)
        }) {
            assert!(contest.len() <= COLOURS.len(), "{contest:?}");
        }
        for (index, colour) in COLOURS.iter().enumerate() {
            assert!(!COLOURS[..index].contains(colour));
        }
    }
}
