//! The OFAC list of Specially Designated Nationals: a directory with sdn.csv (entries), alt.csv (aliases) and add.csv
//! (addresses), none with a header, `-0-` for null.
//!
//! alt.csv and add.csv are small and are held by ent_num; sdn.csv is streamed. Of an address only the country is taken,
//! since a lookout holds no more than identifies its subject. An alias or address of an entry that sdn.csv lacks means
//! that the three files do not belong together, or that sdn.csv was cut short. A file that is empty, or lacks the end mark
//! that another one has, was cut short. An entry never goes in with fewer names than the list gives it: a row of alt.csv
//! or add.csv that cannot be read rejects its entry.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::BufReader;
use std::path::Path;

use model::lookout::*;

use super::rows::{Row, Rows};
use super::source::{Counted, Opening, Source};
use super::{Entry, Fault, ImportError, Item, checked, csv, name, ofac_numbers, ofac_remarks, shown};

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

/// What alt.csv and add.csv say, by ent_num.
#[derive(Default)]
struct Sides {
    aliases: BTreeMap<String, Vec<Alias>>,
    countries: BTreeMap<String, BTreeSet<String>>,
    /// Entries of which a row cannot be read, and the file of it.
    broken: BTreeMap<String, String>,
    rejected: VecDeque<Item>,
}

/// Reads the OFAC list.
pub(super) struct Ofac {
    rows: Rows<BufReader<Counted>>,
    /// What is not yet taken by its entry; rejected rows are yielded after the entries.
    sides: Sides,
    /// A row of sdn.csv could not be read at all, so that what belongs to it is left over.
    unread: bool,
}

impl Ofac {
    pub(super) fn open(dir: &Path, opening: &mut Opening) -> Result<Self, ImportError> {
        let [sdn, alt, add] = FILES.map(|file| opening.open(&dir.join(file)));
        let (sdn, alt, add) = (sdn?, alt?, add?);
        if alt.length + add.length > SIDE_FILES_BYTES_MAX {
            let reason = format!("alt.csv and add.csv have more than {SIDE_FILES_BYTES_MAX} bytes");
            return Err(ImportError::NotThisFormat { file: dir.display().to_string(), reason });
        }
        let files = [&sdn, &alt, &add];
        let marked = files.iter().any(|file| file.marked);
        for file in files {
            let reason = match (file.marked, file.length) {
                (false, 0) => "is empty",
                (false, _) if marked => "lacks the end mark, the byte 0x1A, that the other files have",
                _ => continue,
            };
            return Err(ImportError::CutShort { file: file.name.clone(), reason: reason.into() });
        }
        let mut sides = Sides::default();
        side(alt, ["ent_num", "alt_num", "alt_type", "alt_name", "alt_remarks"], &mut sides, |sides, cells| {
            let [entry, _, kind, name, remarks] = cells;
            let kind = match kind.as_str() {
                "fka" => NameKind::Former,
                _ if remarks.to_lowercase().contains("weak") => NameKind::WeakAlias,
                _ => NameKind::Alias,
            };
            sides.aliases.entry(entry).or_default().push((kind, name));
        })?;
        side(add, ["ent_num", "add_num", "address", "city", "country", "add_remarks"], &mut sides, |sides, cells| {
            let [entry, _, _, _, country, _] = cells;
            sides.countries.entry(entry).or_default().extend(ofac_remarks::country(&country));
        })?;
        let rows = Rows::new(sdn.input).map_err(|source| ImportError::Io { file: sdn.name, source })?;
        Ok(Self { rows, sides, unread: false })
    }

    /// File and row of the item yielded last.
    pub(super) fn position(&self) -> (String, u64) {
        (FILES[0].to_string(), self.rows.number())
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, ImportError> {
        let Some(row) = next(&mut self.rows, FILES[0], COLUMNS)? else {
            let Sides { aliases, countries, broken, rejected } = &mut self.sides;
            let orphan = aliases.keys().chain(countries.keys()).chain(broken.keys()).next();
            if let Some(orphan) = orphan.filter(|_| !self.unread) {
                let orphan = shown(orphan, 40);
                let reason = format!("alt.csv or add.csv speaks of the entry {orphan}, which is not in sdn.csv");
                return Err(ImportError::Truncated { file: FILES[0].into(), row: self.rows.number(), reason });
            }
            return Ok(rejected.pop_front());
        };
        let item = match row {
            Ok(cells) => self.entry(&cells).map(Item::Entry),
            Err(fault) => {
                match &fault.reference {
                    Some(reference) => drop(self.taken(&reference.clone())),
                    None => self.unread = true,
                }
                Err(fault)
            }
        };
        Ok(Some(item.unwrap_or_else(|fault| fault.at(FILES[0], self.rows.number()))))
    }

    /// What the other files say of an entry, and the file of which a row of it cannot be read.
    fn taken(&mut self, reference: &str) -> (Vec<Alias>, BTreeSet<String>, Option<String>) {
        let aliases = self.sides.aliases.remove(reference).unwrap_or_default();
        let countries = self.sides.countries.remove(reference).unwrap_or_default();
        (aliases, countries, self.sides.broken.remove(reference))
    }

    fn entry(&mut self, cells: &[String; COLUMNS.len()]) -> Result<Entry, Fault> {
        let (aliases, countries, broken) = self.taken(&cells[0]);
        match broken {
            Some(file) => {
                let reason =
                    format!("a row of {file} about this entry cannot be read, and it must not lose what it says");
                Err(Fault::row(reason).of(&cells[0]))
            }
            None => entry(cells, &aliases, &countries),
        }
    }
}

/// The next row with its cells trimmed and null made empty; none at the end.
fn next<const N: usize>(
    rows: &mut Rows<BufReader<Counted>>,
    file: &str,
    columns: [&str; N],
) -> Result<Option<Result<[String; N], Fault>>, ImportError> {
    let row = rows.read().map_err(|source| ImportError::Io { file: file.into(), source })?;
    let cut = |reason: &str| ImportError::Truncated { file: file.into(), row: rows.number(), reason: reason.into() };
    let of = |fault: Fault, cells: &[String]| Err(fault.of(cells.first().map_or("", |cell| cell.trim_matches(' '))));
    Ok(Some(match row {
        Row::End => return Ok(None),
        Row::OpenQuote => return Err(cut("a quote never closes")),
        Row::TooLong { cells } => of(Fault::row(csv::too_long()), &cells),
        Row::NotUtf8 { cell, cells } => {
            let fault = columns.get(cell).map(|column| Fault::new(column, "is not UTF-8"));
            of(fault.unwrap_or_else(|| Fault::row("is not UTF-8")), &cells)
        }
        Row::Cells { cells, ended } => {
            let count = cells.len();
            if count < N && !ended {
                return Err(cut("the last row is not whole"));
            }
            let text =
                |cell: String| if cell.trim() == "-0-" { String::new() } else { cell.trim_matches(' ').to_string() };
            let cells: Vec<String> = cells.into_iter().map(text).collect();
            let fault = || Fault::row(format!("has {count} cells, expected {N}"));
            <[String; N]>::try_from(cells).or_else(|cells| of(fault(), &cells))
        }
    }))
}

fn side<const N: usize>(
    source: Source,
    columns: [&str; N],
    sides: &mut Sides,
    mut take: impl FnMut(&mut Sides, [String; N]),
) -> Result<(), ImportError> {
    let file = source.name;
    let mut rows = Rows::new(source.input).map_err(|source| ImportError::Io { file: file.clone(), source })?;
    while let Some(row) = next(&mut rows, &file, columns)? {
        match row {
            Ok(cells) => take(sides, cells),
            Err(fault) => {
                // Any entry may be the one that loses a name by it.
                let Some(reference) = &fault.reference else {
                    return Err(ImportError::Stray { file, row: rows.number(), reason: fault.reason });
                };
                sides.broken.insert(reference.clone(), file.clone());
                sides.rejected.push_back(fault.at(&file, rows.number()));
            }
        }
    }
    Ok(())
}

fn entry(cells: &[String; COLUMNS.len()], aliases: &[Alias], countries: &BTreeSet<String>) -> Result<Entry, Fault> {
    let [reference, full, kind, program, title, call_sign, vessel_type, tonnage, grt, flag, owner, remarks] = cells;
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
    let said = [
        ("Title", title),
        ("Vessel type", vessel_type),
        ("Tonnage", tonnage),
        ("Gross registered tonnage", grt),
        ("Owner", owner),
    ];
    for (what, text) in said {
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
        ofac_numbers::add_registration(lookout, RegistrationKind::TailNumber, text);
    }
    let named = if person { name::family_first(kind, text) } else { name::whole(kind, text) };
    name::add(&mut lookout.names, named);
}

/// Whether a text is a registration mark of an aircraft.
pub(super) fn is_mark(text: &str) -> bool {
    let letters = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    letters && (4..=8).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}
