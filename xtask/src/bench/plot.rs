//! A group as a plot: time against size, both axes logarithmic, so that growth is a slope.

use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, WithKeyPoints};
use plotters::prelude::*;

use super::group::Group;
use super::{numbers, table};

const SIZE: (u32, u32) = (960, 480);
/// Where the legend begins, beside the plot: it must not hide a line.
const LEGEND: i32 = 660;
const ROW: i32 = 22;

/// The colours of Okabe and Ito, which the colour-blind tell apart, without the yellow that white
/// paper swallows.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

type Root<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type LogAxis = WithKeyPoints<LogCoord<f64>>;

/// The plot of `group` as an SVG, if there are two sizes to draw a line between.
pub(crate) fn svg(group: &Group) -> anyhow::Result<Option<String>> {
    let series: Vec<(&str, Vec<(f64, f64)>)> = group
        .functions
        .iter()
        .map(|function| (function.as_str(), group.points(function)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let points = || series.iter().flat_map(|(_, points)| points.iter().copied());
    let sizes = || points().map(|(size, _)| size);
    if !sizes().zip(sizes().skip(1)).any(|(one, other)| one != other) {
        return Ok(None);
    }

    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        root.draw_text(&group.name, &("sans-serif", 20).into_font().into(), (14, 12))?;
        lines(&root, group, &series, axis(sizes()), axis(points().map(|(_, time)| time)))?;
        for (place, (function, _)) in series.iter().enumerate() {
            legend(&root, place, function)?;
        }
        root.present()?;
    }
    Ok(Some(svg))
}

/// An axis of whole decades around these values, which are positive, with a mark at each power of
/// ten and a thin one at its multiples.
fn axis(values: impl Iterator<Item = f64>) -> LogAxis {
    let (low, high) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    // A hair of slack, as the logarithm of a power of ten may not be whole.
    let first = (low.log10() + 1e-9).floor() as i32;
    let last = ((high.log10() - 1e-9).ceil() as i32).max(first + 1);
    let power = |exponent: i32| 10_f64.powi(exponent);
    let thin =
        (first..last).flat_map(|exponent| (2..10).map(move |n| f64::from(n) * power(exponent)));
    (power(first)..power(last))
        .log_scale()
        .with_key_points((first..=last).map(power).collect())
        .with_light_points(thin.collect::<Vec<f64>>())
}

/// The grid, and each function's line with its marks.
fn lines(
    root: &Root<'_>,
    group: &Group,
    series: &[(&str, Vec<(f64, f64)>)],
    sizes: LogAxis,
    times: LogAxis,
) -> anyhow::Result<()> {
    let (plot, _) = root.split_horizontally(LEGEND);
    let mut chart = ChartBuilder::on(&plot)
        .margin(14)
        .margin_top(48)
        .x_label_area_size(48)
        .y_label_area_size(76)
        .build_cartesian_2d(sizes, times)?;
    chart
        .configure_mesh()
        .bold_line_style(BLACK.mix(0.25))
        .light_line_style(BLACK.mix(0.07))
        .x_desc(group.parameter_name())
        .y_desc(table::caption(group))
        .x_label_formatter(&|size| numbers::count(size.round() as u64))
        .y_label_formatter(&|time| numbers::time_label(*time))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    for (place, (_, points)) in series.iter().enumerate() {
        let style = colour(place).stroke_width(2);
        chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
        for point in points {
            mark(root, place, chart.backend_coord(point))?;
        }
    }
    Ok(())
}

/// The row of the legend for the function at this place.
fn legend(root: &Root<'_>, place: usize, function: &str) -> anyhow::Result<()> {
    let middle = 60 + ROW * place as i32;
    let style = colour(place).stroke_width(2);
    root.draw(&PathElement::new([(LEGEND, middle), (LEGEND + 28, middle)], style))?;
    mark(root, place, (LEGEND + 14, middle))?;
    root.draw_text(function, &("sans-serif", 14).into(), (LEGEND + 36, middle - 8))?;
    Ok(())
}

fn colour(place: usize) -> RGBColor {
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or(BLACK)
}

/// Draws the mark of the function at this place: its form, too, tells it from its neighbours.
fn mark(root: &Root<'_>, place: usize, (x, y): (i32, i32)) -> anyhow::Result<()> {
    let style = colour(place).filled();
    match place % 4 {
        0 => root.draw(&Circle::new((x, y), 4, style))?,
        1 => root.draw(&TriangleMarker::new((x, y), 5, style))?,
        2 => root.draw(&Cross::new((x, y), 4, colour(place).stroke_width(2)))?,
        _ => root.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], style))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::group::tests::group;
    use super::*;

    fn ancestors() -> Group {
        let quick: &[(&str, f64)] = &[("1000", 30.0), ("10000", 60.0), ("1000000", 200.0)];
        let slow: &[(&str, f64)] = &[("1000", 900.0), ("10000", 8_000.0)];
        group("ancestor", true, &[("jump pointers", quick), ("parent by parent <twin>", slow)])
    }

    #[test]
    fn a_plot_is_the_same_each_time() {
        assert_eq!(svg(&ancestors()).unwrap(), svg(&ancestors()).unwrap());
    }

    #[test]
    fn a_plot_shows_each_function_and_each_power_of_ten() {
        let svg = svg(&ancestors()).unwrap().unwrap();
        let has_line = |text: &str| svg.lines().any(|line| line == text);
        for text in ["ancestor", "blocks", "time per query", "jump pointers"] {
            assert!(has_line(text), "{text}");
        }
        assert!(has_line("parent by parent &lt;twin&gt;"));
        for power in ["1 000", "10 000", "100 000", "1 000 000", "10 ns", "100 ns", "1 µs", "10 µs"]
        {
            assert!(has_line(power), "{power}");
        }
        // A mark for each point, and one in the legend.
        assert_eq!(svg.matches("<circle").count(), 3 + 1);
    }

    #[test]
    fn without_two_sizes_there_is_no_plot() {
        let one_size = group("g", false, &[("f", &[("10", 1.0)]), ("h", &[("10", 2.0)])]);
        assert_eq!(svg(&one_size).unwrap(), None);
        let no_numbers = group("g", false, &[("f", &[("a", 1.0), ("b", 2.0)])]);
        assert_eq!(svg(&no_numbers).unwrap(), None);
    }
}
