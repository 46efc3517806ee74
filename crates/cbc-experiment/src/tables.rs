//! Tables as files: CSV and Parquet.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use thiserror::Error;

use crate::columns::{Cell, Column, Kind};

/// Why a table cannot be written.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file cannot be.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// As CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// As Parquet.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values: the first line has the names of the columns; what is missing is
    /// empty.
    Csv,
    /// Apache Parquet, uncompressed: whole numbers are INT64, numbers DOUBLE, texts STRING, and all
    /// may be null.
    Parquet,
}

impl Format {
    /// The format of a file, by how its name ends: `.csv` or `.parquet`.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// How many rows a row group of a Parquet file has.
const GROUP: usize = 1 << 16;

/// A table that is being written, row by row. The same rows give the same bytes.
pub struct TableWriter<W: Write + Send> {
    columns: Vec<Column>,
    writer: Writer<W>,
}

enum Writer<W: Write + Send> {
    Csv(W),
    Parquet { file: Box<SerializedFileWriter<W>>, rows: Vec<Vec<Cell>> },
}

impl<W: Write + Send> TableWriter<W> {
    /// An empty table with these columns.
    ///
    /// # Errors
    ///
    /// [`TableError`]
    pub fn new(format: Format, columns: Vec<Column>, to: W) -> Result<Self, TableError> {
        let writer = match format {
            Format::Csv => {
                let mut to = to;
                let names = columns.iter().map(|column| column.name.into()).collect();
                to.write_all(&to_csv(&[names])?)?;
                Writer::Csv(to)
            }
            Format::Parquet => {
                let fields = columns.iter().map(field).collect::<Result<_, _>>()?;
                let schema = Type::group_type_builder("table").with_fields(fields).build()?;
                // Without the version of the library, that would be in it.
                let properties =
                    WriterProperties::builder().set_created_by("cbc".to_owned()).build();
                let file = SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties))?;
                Writer::Parquet { file: Box::new(file), rows: Vec::new() }
            }
        };
        Ok(Self { columns, writer })
    }

    /// Adds a row, with a cell for each column.
    ///
    /// # Errors
    ///
    /// [`TableError`]
    pub fn row(&mut self, cells: Vec<Cell>) -> Result<(), TableError> {
        match &mut self.writer {
            Writer::Csv(to) => to.write_all(&to_csv(&[cells])?)?,
            Writer::Parquet { file, rows } => {
                rows.push(cells);
                if rows.len() == GROUP {
                    write_group(file, &self.columns, rows)?;
                    rows.clear();
                }
            }
        }
        Ok(())
    }

    /// Adds rows that are lines of CSV already; in another format, what `rows` gives, which are the
    /// same.
    ///
    /// # Errors
    ///
    /// [`TableError`]
    pub fn rows(
        &mut self,
        lines: &[u8],
        rows: impl FnOnce() -> Vec<Vec<Cell>>,
    ) -> Result<(), TableError> {
        match &mut self.writer {
            Writer::Csv(to) => Ok(to.write_all(lines)?),
            Writer::Parquet { .. } => rows().into_iter().try_for_each(|row| self.row(row)),
        }
    }

    /// Ends the table, and gives back what it was written to.
    ///
    /// # Errors
    ///
    /// [`TableError`]
    pub fn finish(self) -> Result<W, TableError> {
        match self.writer {
            Writer::Csv(to) => Ok(to),
            Writer::Parquet { mut file, rows } => {
                if !rows.is_empty() {
                    write_group(&mut file, &self.columns, &rows)?;
                }
                Ok(file.into_inner()?)
            }
        }
    }
}

/// Rows as lines of CSV.
pub(crate) fn to_csv(rows: &[Vec<Cell>]) -> Result<Vec<u8>, csv::Error> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| csv.write_record(row.iter().map(as_text)))?;
    csv.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn as_text(cell: &Cell) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Whole(value) => value.to_string(),
        Cell::Real(value) => value.to_string(),
        Cell::Text(value) => value.clone(),
    }
}

fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Whole => (Physical::INT64, None),
        Kind::Real => (Physical::DOUBLE, None),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let field = Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    Ok(Arc::new(field.build()?))
}

fn write_group<W: Write + Send>(
    file: &mut SerializedFileWriter<W>,
    columns: &[Column],
    rows: &[Vec<Cell>],
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for (place, column) in columns.iter().enumerate() {
        let Some(mut writer) = group.next_column()? else { break };
        let cells = || rows.iter().map(|row| row.get(place).unwrap_or(&Cell::Missing));
        // 1 where there is a value, 0 where it is missing.
        let levels: Vec<i16> = cells().map(|cell| i16::from(*cell != Cell::Missing)).collect();
        let levels = Some(&levels[..]);
        match column.kind {
            Kind::Whole => {
                let values: Vec<i64> = cells().filter_map(whole).collect();
                writer.typed::<Int64Type>().write_batch(&values, levels, None)?;
            }
            Kind::Real => {
                let values: Vec<f64> = cells().filter_map(real).collect();
                writer.typed::<DoubleType>().write_batch(&values, levels, None)?;
            }
            Kind::Text => {
                let texts = cells().filter(|&cell| *cell != Cell::Missing).map(as_text);
                let values: Vec<ByteArray> = texts.map(|text| text.as_str().into()).collect();
                writer.typed::<ByteArrayType>().write_batch(&values, levels, None)?;
            }
        }
        writer.close()?;
    }
    group.close()?;
    Ok(())
}

/// What a cell of whole numbers has.
fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Missing => None,
        Cell::Whole(value) => Some(i64::try_from(*value).unwrap_or(i64::MAX)),
        // In a column of whole numbers there is nothing else.
        Cell::Real(_) | Cell::Text(_) => None,
    }
}

/// What a cell of numbers has.
fn real(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Missing => None,
        Cell::Whole(value) => Some(*value as f64),
        Cell::Real(value) => Some(*value),
        // In a column of numbers there is nothing else.
        Cell::Text(_) => None,
    }
}
