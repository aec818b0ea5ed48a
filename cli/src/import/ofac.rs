//! The OFAC list of Specially Designated Nationals: a directory with sdn.csv (entries), alt.csv (aliases) and add.csv
//! (addresses), none with a header, `-0-` for null.
//!
//! alt.csv and add.csv are small and are held by ent_num; sdn.csv is streamed. Of an address only the country is taken,
//! since a lookout holds no more than identifies its subject. An alias or address of an entry that sdn.csv lacks means
//! that the three files do not belong together, or that sdn.csv was cut short.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use model::lookout::*;

use super::rows::{Row, Rows};
use super::source::{self, Progress, Source};
use super::{Entry, Fault, ImportError, Item, checked, csv, name, ofac_remarks};

/// The files of the list.
pub(super) const FILES: [&str; 3] = ["sdn.csv", "alt.csv", "add.csv"];

/// The columns of sdn.csv.
const COLUMNS: [&str; 12] = [
    "ent_num",
    "name",
    "type",
    "program",
    "title",
    "call_sign",
    "vessel_type",
    "tonnage",
    "grt",
    "vessel_flag",
    "owner",
    "remarks",
];

/// alt.csv and add.csv are held in memory; the real ones have 1.5 MB together.
const SIDE_FILES_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// An alias: its kind and text.
type Alias = (NameKind, String);

/// Reads the OFAC list.
pub(super) struct Ofac {
    rows: Rows<Source>,
    aliases: BTreeMap<String, Vec<Alias>>,
    countries: BTreeMap<String, BTreeSet<String>>,
    /// Rejected rows of alt.csv and add.csv, yielded after the entries.
    rejected: VecDeque<Item>,
    /// A row of sdn.csv could not be read at all, so that what belongs to it is left over.
    unread: bool,
}

impl Ofac {
    pub(super) fn open(dir: &Path, progress: &Progress) -> Result<Self, ImportError> {
        let [sdn, alt, add] = FILES.map(|file| dir.join(file));
        if source::size(&alt)? + source::size(&add)? > SIDE_FILES_BYTES_MAX {
            let reason = format!("alt.csv and add.csv have more than {SIDE_FILES_BYTES_MAX} bytes");
            return Err(ImportError::NotThisFormat { file: dir.display().to_string(), reason });
        }
        let mut rejected = VecDeque::new();
        let mut aliases: BTreeMap<String, Vec<Alias>> = BTreeMap::new();
        side(&alt, progress, ["ent_num", "alt_num", "alt_type", "alt_name", "alt_remarks"], &mut rejected, |cells| {
            let kind = match cells[2].as_str() {
                "fka" => NameKind::Former,
                _ if cells[4].to_lowercase().contains("weak") => NameKind::WeakAlias,
                _ => NameKind::Alias,
            };
            aliases.entry(cells[0].clone()).or_default().push((kind, cells[3].clone()));
        })?;
        let mut countries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        side(
            &add,
            progress,
            ["ent_num", "add_num", "address", "city", "country", "add_remarks"],
            &mut rejected,
            |cells| {
                let known = countries.entry(cells[0].clone()).or_default();
                known.extend(ofac_remarks::country(&cells[4]));
            },
        )?;
        let rows = Rows::new(source::open(&sdn, progress)?).map_err(|e| source::fail(&sdn, e))?;
        Ok(Self { rows, aliases, countries, rejected, unread: false })
    }

    /// File and row of the item yielded last.
    pub(super) fn position(&self) -> (String, u64) {
        (FILES[0].to_string(), self.rows.number())
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, ImportError> {
        let Some(row) = next(&mut self.rows, FILES[0], COLUMNS)? else {
            let orphan = self.aliases.keys().chain(self.countries.keys()).next();
            if let Some(orphan) = orphan.filter(|_| !self.unread) {
                let reason = format!("alt.csv or add.csv speaks of the entry {orphan}, which is not in sdn.csv");
                return Err(ImportError::Truncated { file: FILES[0].into(), row: self.rows.number(), reason });
            }
            return Ok(self.rejected.pop_front());
        };
        let item = match row {
            Ok(cells) => {
                let aliases = self.aliases.remove(&cells[0]).unwrap_or_default();
                let countries = self.countries.remove(&cells[0]).unwrap_or_default();
                entry(&cells, &aliases, &countries).map(Item::Entry)
            }
            Err(fault) => {
                self.unread = true;
                Err(fault)
            }
        };
        Ok(Some(item.unwrap_or_else(|fault| fault.at(FILES[0], self.rows.number()))))
    }
}

/// The next row with its cells trimmed and null made empty; none at the end.
fn next<const N: usize>(
    rows: &mut Rows<Source>,
    file: &str,
    columns: [&str; N],
) -> Result<Option<Result<[String; N], Fault>>, ImportError> {
    let row = rows.read().map_err(|source| ImportError::Io { file: file.into(), source })?;
    let cut = |reason: &str| ImportError::Truncated { file: file.into(), row: rows.number(), reason: reason.into() };
    Ok(Some(match row {
        Row::End => return Ok(None),
        Row::OpenQuote => return Err(cut("a quote never closes")),
        Row::TooLong => Err(Fault::row(csv::too_long())),
        Row::NotUtf8 { cell } => Err(columns
            .get(cell)
            .map_or_else(|| Fault::row("is not UTF-8"), |column| Fault::new(column, "is not UTF-8"))),
        Row::Cells { cells, ended } => {
            let count = cells.len();
            if count < N && !ended {
                return Err(cut("the last row is not whole"));
            }
            let text =
                |cell: String| if cell.trim() == "-0-" { String::new() } else { cell.trim_matches(' ').to_string() };
            let cells: Vec<String> = cells.into_iter().map(text).collect();
            <[String; N]>::try_from(cells).map_err(|_| Fault::row(format!("has {count} cells, expected {N}")))
        }
    }))
}

fn side<const N: usize>(
    path: &Path,
    progress: &Progress,
    columns: [&str; N],
    rejected: &mut VecDeque<Item>,
    mut take: impl FnMut(&[String; N]),
) -> Result<(), ImportError> {
    let file = source::name_of(path);
    let mut rows = Rows::new(source::open(path, progress)?).map_err(|e| source::fail(path, e))?;
    while let Some(row) = next(&mut rows, &file, columns)? {
        match row {
            Ok(cells) => take(&cells),
            Err(fault) => rejected.push_back(fault.at(&file, rows.number())),
        }
    }
    Ok(())
}

fn entry(cells: &[String; COLUMNS.len()], aliases: &[Alias], countries: &BTreeSet<String>) -> Result<Entry, Fault> {
    let [reference, full, kind, program, title, call_sign, vessel_type, _, _, flag, owner, remarks] = cells;
    let subject = match kind.as_str() {
        "individual" => SubjectKind::Person,
        "vessel" => SubjectKind::Vessel,
        "aircraft" => SubjectKind::Aircraft,
        "" => SubjectKind::Business,
        _ => return Err(Fault::new("type", "must be individual, vessel, aircraft or -0-").of(reference)),
    };
    let programs: Vec<String> =
        program.split("] [").map(|code| code.trim_matches(['[', ']', ' ']).to_string()).collect();
    let mut lookout = Lookout::new(subject, Action::Refer, format!("OFAC SDN: {}", programs.join(", ")));
    lookout.programs = programs.into_iter().filter(|program| !program.is_empty()).collect();
    add_name(&mut lookout, NameKind::Primary, full);
    aliases.iter().for_each(|(kind, text)| add_name(&mut lookout, *kind, text));
    let mut rest = Vec::new();
    for (what, text) in [("Title", title), ("Vessel type", vessel_type), ("Owner", owner)] {
        if !text.is_empty() {
            rest.push(format!("{what}: {text}"));
        }
    }
    if !call_sign.is_empty() {
        lookout.registrations.push(Registration { kind: RegistrationKind::CallSign, number: call_sign.clone() });
    }
    lookout.countries.extend(ofac_remarks::country(flag).map(|code| Country { role: CountryRole::Flag, code }));
    ofac_remarks::read(remarks, &mut lookout, &mut rest);
    let address = |code: &String| Country { role: CountryRole::Address, code: code.clone() };
    lookout.countries.extend(countries.iter().map(address));
    lookout.countries.sort();
    lookout.countries.dedup();
    lookout.remarks = (!rest.is_empty()).then(|| rest.join("; "));
    checked(reference, lookout, COLUMNS[0])
}

/// Adds a name; a person's is written `FAMILY, Given`, and an aircraft's is often its registration mark.
pub(super) fn add_name(lookout: &mut Lookout, kind: NameKind, text: &str) {
    let person = lookout.subject == SubjectKind::Person;
    if lookout.subject == SubjectKind::Aircraft && is_mark(text) {
        ofac_remarks::add_registration(lookout, RegistrationKind::TailNumber, text);
    }
    let named = if person { name::family_first(kind, text) } else { name::whole(kind, text) };
    name::add(&mut lookout.names, named);
}

fn is_mark(text: &str) -> bool {
    let letters = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    letters && (4..=8).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}
