//! The view graph as a picture: a lane for each validator, height upward.

use cbc_simulation::{PlacedMessage, ViewGraph};
use svg::Document;
use svg::node::element::path::Data;
use svg::node::element::{Circle, Definitions, Group, Line, Path, Rectangle, Style, Text, Title};

/// The least width of a lane.
const LANE: f64 = 92.0;
/// What a character of a small text takes, at most.
const CHARACTER: f64 = 7.0;
/// The height of a line of an alarm.
const ALARM: f64 = 20.0;
const ROW: f64 = 38.0;
const LEFT: f64 = 58.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 58.0;
const BLOCK: f64 = 26.0;

/// The fill of what is not safe, and then of what tolerates ever more faults.
const UNSAFE: &str = "#ffffff";
const SAFE: [&str; 6] = ["#fff3c4", "#fcd581", "#f6a955", "#e8743b", "#c2452d", "#7f1d1d"];

/// A drawing of a view graph.
///
/// Blocks are squares coloured by the faults they tolerate; edges go to the blocks that a block is
/// built on, thick for those of the estimate. Other messages are discs with their estimate.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// What is drawn.
    pub graph: &'a ViewGraph,
    /// Whether justifications are drawn, too: for each message what its sender had newly seen.
    pub justifications: bool,
}

impl Picture<'_> {
    /// The picture as an SVG document, the same bytes for the same graph.
    pub fn to_svg(&self) -> String {
        // As wide as its labels need, so that these do not run together.
        let labels = self.graph.lanes.iter().map(|weight| weight.to_string().len());
        let longest = labels.max().unwrap_or(0) + "weight  ".len();
        let lane_width = LANE.max(CHARACTER * longest as f64);
        let Self { graph, justifications } = *self;
        Drawing { graph, justifications, lane_width }.to_svg()
    }
}

/// A picture being drawn.
struct Drawing<'a> {
    graph: &'a ViewGraph,
    justifications: bool,
    lane_width: f64,
}

impl Drawing<'_> {
    fn to_svg(&self) -> String {
        let (width, height) = self.size();
        let document = Document::new()
            .set("viewBox", (0, 0, width as u32, height as u32))
            .set("width", width as u32)
            .set("height", height as u32)
            .set("font-family", "system-ui, sans-serif")
            .add(Definitions::new().add(Style::new(STYLE)))
            .add(Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "#fcfcfb"))
            .add(self.lanes())
            .add(self.justifications())
            .add(self.chain(false))
            .add(self.chain(true))
            .add(self.messages())
            .add(self.legend());
        let document =
            if self.graph.alarms.is_empty() { document } else { document.add(self.alarms()) };
        // What XML cannot hold, however it is written, would keep readers from all of it.
        format!("{document}\n").replace(|character| !is_xml(character), "\u{fffd}")
    }

    fn size(&self) -> (f64, f64) {
        let (low, high) = self.graph.heights;
        let rows = f64::from(high - low);
        let lanes = self.graph.lanes.len().max(4) as f64;
        let longest = self.graph.alarms.iter().map(|alarm| alarm.chars().count()).max();
        let alarm = 24.0 + CHARACTER * longest.unwrap_or(0) as f64;
        let width = (LEFT + self.lane_width * lanes + 14.0).max(alarm);
        (width, self.top() + ROW * rows + BLOCK + BOTTOM)
    }

    /// Where the messages begin: below the names, and above those the alarms.
    fn top(&self) -> f64 {
        TOP + ALARM * self.graph.alarms.len() as f64
    }

    /// The center of a message.
    fn center(&self, message: &PlacedMessage) -> (f64, f64) {
        let rows = f64::from(self.graph.heights.1 - message.display_height);
        (self.lane(message.lane.index()), self.top() + BLOCK / 2.0 + ROW * rows)
    }

    fn lane(&self, index: usize) -> f64 {
        LEFT + self.lane_width * (index as f64 + 0.5)
    }

    fn lanes(&self) -> Group {
        let (_, height) = self.size();
        let mut group = Group::new().set("class", "lanes");
        for (index, weight) in self.graph.lanes.iter().enumerate() {
            let x = self.lane(index);
            let line = Line::new()
                .set("x1", x)
                .set("x2", x)
                .set("y1", self.top() - 12.0)
                .set("y2", height - BOTTOM + 8.0);
            let name =
                Text::new(format!("validator {index}")).set("x", x).set("y", self.top() - 38.0);
            let weight =
                Text::new(format!("weight {weight}")).set("x", x).set("y", self.top() - 22.0);
            group = group.add(line).add(name).add(weight.set("class", "faint"));
        }
        let (low, high) = self.graph.heights;
        let axis = Text::new("display").set("x", 24).set("y", self.top() - 38.0);
        group = group.add(axis.set("class", "faint"));
        let axis = Text::new("height").set("x", 24).set("y", self.top() - 22.0);
        group = group.add(axis.set("class", "faint"));
        for height in (low..=high).filter(|height| height.is_multiple_of(5)) {
            let y = self.top() + BLOCK / 2.0 + ROW * f64::from(high - height) + 4.0;
            group = group
                .add(Text::new(height.to_string()).set("x", 24).set("y", y).set("class", "faint"));
        }
        group
    }

    fn justifications(&self) -> Group {
        let mut group = Group::new().set("class", "justifications");
        if self.justifications {
            for message in &self.graph.messages {
                let (x2, y2) = self.center(message);
                for (x1, y1) in message
                    .newly_cited
                    .iter()
                    .map(|&cited| self.center(&self.graph.messages[cited]))
                {
                    let line = Line::new().set("x1", x1).set("y1", y1).set("x2", x2).set("y2", y2);
                    group = group.add(line);
                }
            }
        }
        group
    }

    /// The center of the genesis, if the picture reaches down to it.
    fn genesis(&self) -> Option<(f64, f64)> {
        let (low, high) = self.graph.heights;
        let middle = LEFT + self.lane_width * self.graph.lanes.len() as f64 / 2.0;
        (self.graph.has_blocks && low == 0)
            .then(|| (middle, self.top() + BLOCK / 2.0 + ROW * f64::from(high)))
    }

    /// The edges from blocks to what they are built on: those of the fork choice, or all others.
    fn chain(&self, fork_choice: bool) -> Group {
        let class = if fork_choice { "fork-choice" } else { "chain" };
        let mut group = Group::new().set("class", class);
        for (position, message) in self.graph.messages.iter().enumerate() {
            if self.graph.fork_choice.binary_search(&position).is_ok() != fork_choice {
                continue;
            }
            for parent in &message.parents {
                let parent = parent.map(|parent| self.center(&self.graph.messages[parent]));
                let Some((to_x, to_y)) = parent.or(self.genesis()) else { continue };
                let (x, y) = self.center(message);
                let bend = (to_y - y) / 2.0;
                let curve = Data::new().move_to((x, y)).cubic_curve_to((
                    x,
                    y + bend,
                    to_x,
                    to_y - bend,
                    to_x,
                    to_y,
                ));
                group = group.add(Path::new().set("d", curve));
            }
        }
        group
    }

    fn messages(&self) -> Group {
        let mut group = Group::new().set("class", "messages");
        if let Some((x, y)) = self.genesis() {
            let dot = Circle::new().set("cx", x).set("cy", y).set("r", BLOCK / 2.0);
            let name = Text::new("G").set("x", x).set("y", y + 4.0);
            group = group.add(Group::new().set("class", "genesis").add(dot).add(name));
        }
        for message in &self.graph.messages {
            group = group.add(self.message(message));
        }
        group
    }

    fn message(&self, message: &PlacedMessage) -> Group {
        let (x, y) = self.center(message);
        let (fill, dark) = self.fill(message.faults);
        let class = match (message.equivocator, message.contradicted) {
            (_, true) => "contradicted",
            (true, false) => "equivocator",
            (false, false) => "honest",
        };
        let shape = if self.graph.has_blocks && !message.parents.is_empty() {
            Group::new().add(
                Rectangle::new()
                    .set("x", x - BLOCK / 2.0)
                    .set("y", y - BLOCK / 2.0)
                    .set("width", BLOCK)
                    .set("height", BLOCK)
                    .set("rx", 4)
                    .set("fill", fill),
            )
        } else {
            Group::new().add(
                Circle::new().set("cx", x).set("cy", y).set("r", BLOCK / 2.0).set("fill", fill),
            )
        };
        let label = match &message.estimate {
            Some(estimate) if estimate.chars().count() <= 4 => estimate.clone(),
            _ => message.sequence_number.to_string(),
        };
        let safe = match message.faults {
            None => "not safe".to_owned(),
            Some(faults) => format!("tolerates {faults} faults"),
        };
        let estimate =
            message.estimate.as_ref().map_or(String::new(), |e| format!(", estimate {e}"));
        let height =
            message.block_height.map_or(String::new(), |height| format!(", block height {height}"));
        let contradicted =
            if message.contradicted { ", final for some, AND CONTRADICTED" } else { "" };
        let title = format!(
            "{}: message {} of validator {}{height}{estimate}, {safe}{contradicted}",
            message.name, message.sequence_number, message.lane
        );
        let text = Text::new(label).set("x", x).set("y", y + 4.0);
        let text = if dark { text.set("class", "light") } else { text };
        shape.set("class", class).add(text).add(Title::new(title))
    }

    /// Finality that failed, a line each, above everything else.
    fn alarms(&self) -> Group {
        let mut group = Group::new().set("class", "alarms");
        for (line, alarm) in (1..).zip(&self.graph.alarms) {
            let y = f64::from(line) * ALARM;
            group = group.add(Text::new(alarm.as_str()).set("x", 12).set("y", y));
        }
        group
    }

    /// The colour for a number of faults, and whether it is dark.
    fn fill(&self, faults: Option<usize>) -> (&'static str, bool) {
        let Some(faults) = faults else { return (UNSAFE, false) };
        // The darkest is for as many as anything could tolerate: a minority.
        let most = (self.graph.lanes.len().saturating_sub(1) / 2).max(1);
        let shade = (faults * (SAFE.len() - 1)).div_ceil(most).min(SAFE.len() - 1);
        (SAFE[shade], shade >= 3)
    }

    fn legend(&self) -> Group {
        let (_, height) = self.size();
        let y = height - 26.0;
        let most = (self.graph.lanes.len().saturating_sub(1) / 2).max(1);
        let mut group = Group::new().set("class", "legend");
        let mut entries = vec![(UNSAFE, "not safe".to_owned())];
        let mut faults: Vec<usize> = (0..=most).step_by(most.div_ceil(4)).collect();
        if faults.last() != Some(&most) {
            faults.push(most);
        }
        entries.extend(faults.iter().map(|&n| (self.fill(Some(n)).0, format!("{n} faults"))));
        let longest = entries.iter().map(|(_, text)| text.chars().count()).max();
        let entry = (CHARACTER * longest.unwrap_or(0) as f64 + 24.0).max(80.0);
        for (position, (fill, text)) in entries.into_iter().enumerate() {
            let x = 24.0 + entry * position as f64;
            let square = Rectangle::new()
                .set("x", x)
                .set("y", y - 11.0)
                .set("width", 14)
                .set("height", 14)
                .set("rx", 3)
                .set("fill", fill);
            group = group.add(square).add(Text::new(text).set("x", x + 20.0).set("y", y));
        }
        group
    }
}

/// Whether XML 1.0 allows a character at all.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

const STYLE: &str = "
text { font-size: 12px; text-anchor: middle; fill: #26231f }
.faint { fill: #8b857c; font-size: 11px }
.light { fill: #ffffff }
.lanes line { stroke: #e6e2db; stroke-width: 1 }
.justifications line { stroke: #6b7a90; stroke-width: 1; stroke-dasharray: 2 3; opacity: 0.45 }
.chain path { fill: none; stroke: #a39c92; stroke-width: 1.6 }
.fork-choice path { fill: none; stroke: #b4231f; stroke-width: 5; stroke-linecap: round; opacity: 0.8 }
.messages rect, .messages circle, .legend rect { stroke: #4a453e; stroke-width: 1.2 }
.messages .genesis circle { fill: #e6e2db }
.messages .equivocator rect, .messages .equivocator circle { stroke: #7a1fa2; stroke-width: 2.4; stroke-dasharray: 4 2 }
.messages .contradicted rect, .messages .contradicted circle { stroke: #d4001a; stroke-width: 5 }
.alarms text { text-anchor: start; fill: #d4001a; font-weight: bold }
.legend text { text-anchor: start; font-size: 11px }
";
