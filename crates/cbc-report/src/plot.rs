//! Lines on two logarithmic axes: growth is a slope.

use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, WithKeyPoints};
use plotters::prelude::*;

use thiserror::Error;

use crate::numbers;

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

/// Why a plot cannot be drawn.
#[derive(Debug, Error)]
#[error("cannot draw a plot: {0}")]
pub struct PlotError(#[from] DrawingAreaErrorKind<std::io::Error>);

/// Lines on two logarithmic axes.
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    across: String,
    up: String,
    /// How a power of ten is written at the axis that goes up.
    label: fn(f64) -> String,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot {
    /// Times, in nanoseconds, against what stands at `across`: for each line its name and its
    /// points, which are positive.
    pub fn of_times(
        title: &str,
        across: &str,
        up: &str,
        lines: Vec<(String, Vec<(f64, f64)>)>,
    ) -> Self {
        let [title, across, up] = [title, across, up].map(str::to_owned);
        Self { title, across, up, label: numbers::time_label, lines }
    }

    /// The plot as an SVG, if there are two sizes to draw a line between.
    ///
    /// # Errors
    ///
    /// [`PlotError`] if it cannot be drawn.
    pub fn to_svg(&self) -> Result<Option<String>, PlotError> {
        let lines = || self.lines.iter().filter(|(_, points)| !points.is_empty()).enumerate();
        let points = || lines().flat_map(|(_, (_, points))| points.iter().copied());
        let sizes = || points().map(|(size, _)| size);
        if !sizes().zip(sizes().skip(1)).any(|(one, other)| one != other) {
            return Ok(None);
        }
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            root.fill(&WHITE)?;
            root.draw_text(&self.title, &("sans-serif", 20).into_font().into(), (14, 12))?;
            self.draw(&root, axis(sizes()), axis(points().map(|(_, time)| time)))?;
            for (place, (name, _)) in lines() {
                legend(&root, place, name)?;
            }
            root.present()?;
        }
        Ok(Some(svg))
    }

    /// The grid, and each line with its marks.
    fn draw(&self, root: &Root<'_>, sizes: LogAxis, times: LogAxis) -> Result<(), PlotError> {
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
            .x_desc(&self.across)
            .y_desc(&self.up)
            .x_label_formatter(&|size| numbers::count(size.round() as u64))
            .y_label_formatter(&|value| (self.label)(*value))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        let lines = self.lines.iter().filter(|(_, points)| !points.is_empty());
        for (place, (_, points)) in lines.enumerate() {
            let style = colour(place).stroke_width(2);
            chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
            for point in points {
                mark(root, place, chart.backend_coord(point))?;
            }
        }
        Ok(())
    }
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

/// The row of the legend for the line at this place.
fn legend(root: &Root<'_>, place: usize, name: &str) -> Result<(), PlotError> {
    let middle = 60 + ROW * place as i32;
    let style = colour(place).stroke_width(2);
    root.draw(&PathElement::new([(LEGEND, middle), (LEGEND + 28, middle)], style))?;
    mark(root, place, (LEGEND + 14, middle))?;
    root.draw_text(name, &("sans-serif", 14).into(), (LEGEND + 36, middle - 8))?;
    Ok(())
}

fn colour(place: usize) -> RGBColor {
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or(BLACK)
}

/// Draws the mark of the line at this place: its form, too, tells it from its neighbours.
fn mark(root: &Root<'_>, place: usize, (x, y): (i32, i32)) -> Result<(), PlotError> {
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
    use crate::Function;
    use crate::group::tests::{ancestors, group};

    #[test]
    fn a_plot_is_the_same_each_time() {
        let svg = || ancestors().plot().to_svg().unwrap();
        assert_eq!(svg(), svg());
    }

    #[test]
    fn a_plot_shows_each_line_and_each_power_of_ten() {
        let svg = ancestors().plot().to_svg().unwrap().unwrap();
        let has_line = |text: &str| svg.lines().any(|line| line == text);
        for text in ["ancestor", "blocks", "time per query", "jump pointers"] {
            assert!(has_line(text), "{text}");
        }
        assert!(has_line("parent by &lt;parent&gt; (twin)"));
        for power in ["1 000", "10 000", "100 000", "1 000 000", "10 ns", "100 ns", "1 µs", "10 µs"]
        {
            assert!(has_line(power), "{power}");
        }
        // A mark for each point, and one in the legend.
        assert_eq!(svg.matches("<circle").count(), 3 + 1);
    }

    #[test]
    fn without_two_sizes_there_is_no_plot() {
        let one: &[(&str, f64)] = &[("10", 1.0)];
        let one_size = group("g", &[(Function::new("f"), one), (Function::new("h"), one)]);
        assert_eq!(one_size.plot().to_svg().unwrap(), None);
        let no_numbers = group("g", &[(Function::new("f"), &[("a", 1.0), ("b", 2.0)])]);
        assert_eq!(no_numbers.plot().to_svg().unwrap(), None);
    }
}
