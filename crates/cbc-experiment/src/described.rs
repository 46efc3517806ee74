//! How a kind with parameters is written: in a configuration, and in a cell of a table.

/// A kind and its parameters, each written as TOML writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// What kind it is.
    pub kind: &'static str,
    /// The parameters, in the order in which they are written.
    pub parameters: Vec<(&'static str, String)>,
}

impl Described {
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, parameters: Vec::new() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl ToToml) -> Self {
        self.parameters.push((name, value.to_toml()));
        self
    }

    /// As a configuration has it.
    pub fn to_toml(&self) -> String {
        if self.parameters.is_empty() {
            return format!("{:?}", self.kind);
        }
        let parameters = self.parameters.iter().map(|(name, value)| format!(", {name} = {value}"));
        format!("{{ kind = {:?}{} }}", self.kind, parameters.collect::<String>())
    }

    /// As tables have it: short, and in one piece.
    pub fn label(&self) -> String {
        let plain = |text: &str| text.replace(" = ", "=").replace(['"', ' '], "");
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect();
        match parameters.is_empty() {
            true => self.kind.to_owned(),
            false => format!("{}({})", self.kind, parameters.join(";")),
        }
    }
}

/// What TOML can write.
pub(crate) trait ToToml {
    fn to_toml(&self) -> String;
}

impl ToToml for f64 {
    fn to_toml(&self) -> String {
        format!("{self:?}")
    }
}

impl ToToml for u64 {
    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl ToToml for u32 {
    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl ToToml for str {
    fn to_toml(&self) -> String {
        // JSON's strings are TOML's.
        serde_json::Value::from(self).to_string()
    }
}

impl ToToml for String {
    fn to_toml(&self) -> String {
        self.as_str().to_toml()
    }
}

impl<T: ToToml> ToToml for [T] {
    fn to_toml(&self) -> String {
        let values: Vec<String> = self.iter().map(ToToml::to_toml).collect();
        format!("[{}]", values.join(", "))
    }
}

impl<T: ToToml> ToToml for Vec<T> {
    fn to_toml(&self) -> String {
        self.as_slice().to_toml()
    }
}

impl<T: ToToml + ?Sized> ToToml for &T {
    fn to_toml(&self) -> String {
        (**self).to_toml()
    }
}
