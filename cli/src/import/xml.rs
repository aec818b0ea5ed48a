//! XML as small trees, one an entry, read as a stream.
//!
//! Nothing is ever expanded: a DOCTYPE that declares anything, and a reference to an entity beyond the five that XML
//! itself names, is an error with its position. Size and depth of a tree are bounded. Assumes UTF-8.

use std::io::{self, BufRead, Read};

use model::limits::IMPORT_ENTRY_BYTES_MAX;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements inside elements inside an entry; the real lists have four.
const DEPTH_MAX: usize = 16;

/// An element with its text and its children.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of a name; none where it is blank.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.all(name).next().and_then(Node::line)
    }

    /// The text on one line, since real files fold lines inside values; none where it is blank.
    pub(super) fn line(&self) -> Option<String> {
        let words = self.text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        Some(words.collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
    }
}

/// A source that refuses to give more than a bound between two resets, so that no token can outgrow memory.
struct Guard<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Guard<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buf.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Guard<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::other(format!("an entry is larger than {IMPORT_ENTRY_BYTES_MAX} bytes")));
        }
        let left = self.left;
        self.inner.fill_buf().map(|chunk| &chunk[..chunk.len().min(left)])
    }

    fn consume(&mut self, n: usize) {
        self.left -= n;
        self.inner.consume(n);
    }
}

/// Reads the elements of some names as trees; what stands around them is skipped.
pub(super) struct Trees<R> {
    reader: Reader<Guard<R>>,
    root: &'static str,
    wanted: &'static [&'static str],
    buffer: Vec<u8>,
    seen_root: bool,
    depth: usize,
}

/// What is wrong, and at which byte.
pub(super) type Bad = (u64, String);

impl<R: BufRead> Trees<R> {
    pub(super) fn new(input: R, root: &'static str, wanted: &'static [&'static str]) -> Self {
        let reader = Reader::from_reader(Guard { inner: input, left: IMPORT_ENTRY_BYTES_MAX });
        Self { reader, root, wanted, buffer: Vec::new(), seen_root: false, depth: 0 }
    }

    /// The next wanted element.
    pub(super) fn next(&mut self) -> Result<Option<Node>, Bad> {
        let mut stack: Vec<Node> = Vec::new();
        loop {
            if stack.is_empty() {
                self.reader.get_mut().left = IMPORT_ENTRY_BYTES_MAX;
            }
            self.buffer.clear();
            let event = self.reader.read_event_into(&mut self.buffer);
            let position = self.reader.buffer_position();
            let bad = |reason: String| Err((position, reason));
            match event.map_err(|e| (position, e.to_string()))? {
                Event::Start(tag) => {
                    self.depth += 1;
                    let name = tag.name().as_ref().to_string();
                    if !self.seen_root && name != self.root {
                        return bad(format!("the root element must be {}", self.root));
                    }
                    self.seen_root = true;
                    if stack.len() >= DEPTH_MAX {
                        return bad(format!("elements nest deeper than {DEPTH_MAX}"));
                    }
                    if !stack.is_empty() || self.wanted.contains(&name.as_str()) {
                        stack.push(Node { name, ..Node::default() });
                    }
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    if let Some(done) = stack.pop() {
                        match stack.last_mut() {
                            Some(parent) => parent.children.push(done),
                            None => return Ok(Some(done)),
                        }
                    }
                }
                Event::Empty(tag) => {
                    let name = tag.name().as_ref().to_string();
                    if !self.seen_root && name != self.root {
                        return bad(format!("the root element must be {}", self.root));
                    }
                    self.seen_root = true;
                    if let Some(parent) = stack.last_mut() {
                        parent.children.push(Node { name, ..Node::default() });
                    }
                }
                Event::Text(text) => {
                    if let Some(node) = stack.last_mut() {
                        node.text.push_str(&text.xml10_content());
                    }
                }
                Event::CData(text) => {
                    if let Some(node) = stack.last_mut() {
                        node.text.push_str(&text.xml10_content());
                    }
                }
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref() {
                        Ok(Some(c)) => c,
                        Ok(None) => match &*reference {
                            "lt" => '<',
                            "gt" => '>',
                            "amp" => '&',
                            "apos" => '\'',
                            "quot" => '"',
                            _ => return bad("refers to an entity that XML does not name; none is expanded".into()),
                        },
                        Err(e) => return bad(e.to_string()),
                    };
                    if let Some(node) = stack.last_mut() {
                        node.text.push(resolved);
                    }
                }
                Event::DocType(text) if text.contains(['[', '<']) || text.contains("ENTITY") => {
                    return bad("the DOCTYPE declares entities; none is expanded, remove the declaration".into());
                }
                Event::Eof if self.depth > 0 => return bad("the file ends inside an element, it is cut short".into()),
                Event::Eof if !self.seen_root => return bad(format!("holds no element {}", self.root)),
                Event::Eof => return Ok(None),
                Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }
}
