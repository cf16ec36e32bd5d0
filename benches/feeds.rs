//! Reading a Shopify export: MB/s side by side with the csv crate alone and with Python's csv
//! in the same run, and the peak memory of reading a large one.
//!
//!     cargo bench --bench feeds [-- MEGABYTES [LARGE_MEGABYTES]]      default 256 1024
//!
//! Every line is the best of three passes over a file that is in the page cache.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use kinora::feed::{self, Each, FeedOptions};
use kinora::limits::Limits;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PASSES: usize = 3;

/// What prompts, conditions and reports usually name.
const NAMED: [&str; 7] = ["id", "title", "price", "sku", "stock", "tags", "vendor"];

const PYTHON: &str = "import csv,sys,time\n\
t=time.perf_counter()\n\
rows=sum(1 for _ in csv.reader(open(sys.argv[1],newline='',encoding='utf-8')))\n\
print(rows,time.perf_counter()-t)";

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if let [word, path] = &words[..]
        && word == "read"
    {
        let (entries, _) = entries(Path::new(path), &named())?;
        println!("{entries} products, peak {} MiB", peak_mib());
        return Ok(());
    }
    let number = |at: usize, default| words.get(at).map_or(Ok(default), |w| w.parse::<u64>());
    let (size, large) = (number(0, 256)? << 20, number(1, 1024)? << 20);

    let dir = tempfile::tempdir()?;
    let path = dir.path().join("products.csv");
    generate(&path, size)?;
    let bytes = std::fs::metadata(&path)?.len();
    println!(
        "Shopify export of {} MB, {} threads",
        bytes / 1_000_000,
        rayon::current_num_threads()
    );
    let mut best: [f64; 5] = [f64::MAX; 5];
    for _ in 0..PASSES {
        let ways: [&dyn Fn() -> Result<f64, Box<dyn Error>>; 5] = [
            &|| Ok(entries(&path, &named())?.1),
            &|| Ok(entries(&path, &FeedOptions { each: Each::Variant, ..named() })?.1),
            &|| Ok(entries(&path, &FeedOptions::default())?.1),
            &|| csv_alone(&path),
            &|| python(&path),
        ];
        for (way, best) in ways.iter().zip(&mut best) {
            *best = best.min(way()?);
        }
    }
    let names = [
        "Feed, products, what is usually named",
        "Feed, variants, what is usually named",
        "Feed, products, every attribute (HTML to text)",
        "csv crate alone, byte records",
        "Python's csv alone",
    ];
    for (name, seconds) in names.iter().zip(best) {
        let speed = bytes as f64 / 1e6 / seconds;
        println!("{name:<48} {speed:8.0} MB/s  {:5.2} x csv crate", best[3] / seconds);
    }
    std::fs::remove_file(&path)?;

    generate(&path, large)?;
    let bytes = std::fs::metadata(&path)?.len();
    let started = Instant::now();
    let child = Command::new(std::env::current_exe()?).arg("read").arg(&path).output()?;
    let seconds = started.elapsed().as_secs_f64();
    print!("{} MB: {seconds:.1} s, {}", bytes / 1_000_000, String::from_utf8_lossy(&child.stdout));
    Ok(())
}

fn named() -> FeedOptions {
    let keep = NAMED.iter().map(|name| (*name).to_owned()).collect();
    FeedOptions { keep: Some(keep), ..FeedOptions::default() }
}

/// How many entries a feed has, and the seconds it took.
fn entries(path: &Path, options: &FeedOptions) -> Result<(usize, f64), Box<dyn Error>> {
    let started = Instant::now();
    let problem = |problem: feed::FeedProblem| problem.message;
    let mut feed = feed::open(path, options, &Limits::default()).map_err(problem)?;
    let mut count = 0;
    while let Some(batch) = feed.next_batch().map_err(problem)? {
        assert!(batch.bad.is_empty(), "the export is sound");
        count += batch.entries.len();
    }
    Ok((count, started.elapsed().as_secs_f64()))
}

fn csv_alone(path: &Path) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_path(path)?;
    let mut record = csv::ByteRecord::new();
    let mut cells = 0;
    while reader.read_byte_record(&mut record)? {
        cells += record.len();
    }
    assert!(cells > 0, "there are cells");
    Ok(started.elapsed().as_secs_f64())
}

fn python(path: &Path) -> Result<f64, Box<dyn Error>> {
    let output = Command::new("python3").args(["-c", PYTHON]).arg(path).output()?;
    let text = String::from_utf8(output.stdout)?;
    let seconds = text.split_whitespace().nth(1).ok_or("python3 said nothing")?;
    Ok(seconds.parse()?)
}

/// Products of one to eight rows, with what a real export has: HTML of some hundred bytes, many
/// empty columns, a picture a row.
fn generate(path: &Path, bytes: u64) -> Result<(), Box<dyn Error>> {
    let mut out = csv::Writer::from_writer(BufWriter::with_capacity(1 << 20, File::create(path)?));
    out.write_record(HEADERS)?;
    let mut random = fastrand::Rng::with_seed(7);
    let (mut written, mut product) = (0u64, 0u64);
    while written < bytes {
        product += 1;
        let handle = format!("product-{product}-{}", WORDS[random.usize(..WORDS.len())]);
        for row in 0..random.usize(1..=8) {
            let cells = row_of(&handle, row, product, &mut random);
            written += cells.iter().map(|c| c.len() as u64 + 1).sum::<u64>();
            out.write_record(&cells)?;
        }
    }
    out.into_inner().map_err(|e| e.to_string())?.flush()?;
    Ok(())
}

fn row_of(handle: &str, row: usize, product: u64, random: &mut fastrand::Rng) -> Vec<String> {
    let mut cells = vec![String::new(); HEADERS.len()];
    let mut set = |header: &str, text: String| {
        if let Some(column) = HEADERS.iter().position(|h| *h == header) {
            cells[column] = text;
        }
    };
    set("Handle", handle.to_owned());
    if row == 0 {
        let sentences = random.usize(4..30);
        let mut words = || WORDS[random.usize(..WORDS.len())];
        let text: Vec<String> = (0..sentences)
            .map(|_| {
                format!("<p>{} {} {} for {}, {}.</p>", words(), words(), words(), words(), words())
            })
            .collect();
        set("Title", format!("{} {} \"{product}\"", words(), words()));
        set("Body (HTML)", text.join("\n"));
        set("Vendor", "Company 123".to_owned());
        set("Type", words().to_owned());
        set("Tags", format!("{}, {}, {}", words(), words(), words()));
        set("Published", "true".to_owned());
        set("Option1 Name", "Size".to_owned());
        set("Gift Card", "false".to_owned());
    }
    let price = random.u32(100..20000);
    set("Option1 Value", format!("Size {row}"));
    set("Variant SKU", format!("SKU-{product}-{row}"));
    set("Variant Grams", "300".to_owned());
    set("Variant Inventory Qty", random.u8(..40).to_string());
    set("Variant Inventory Policy", "deny".to_owned());
    set("Variant Fulfillment Service", "manual".to_owned());
    set("Variant Price", format!("{}.{:02}", price / 100, price % 100));
    set("Variant Requires Shipping", "true".to_owned());
    set("Variant Taxable", "true".to_owned());
    set("Image Src", format!("https://cdn.shop.example/s/files/{product}/picture-{row}_925x.jpg"));
    set("Image Position", (row + 1).to_string());
    set("Variant Weight Unit", "kg".to_owned());
    cells
}

/// Peak resident memory of this process, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

const WORDS: [&str; 12] = [
    "cotton", "clay", "blue", "kitchen", "classic", "shirt", "garden", "linen", "oak", "plant",
    "summer", "woven",
];

/// The columns of a real export of the older kind.
const HEADERS: [&str; 46] = [
    "Handle",
    "Title",
    "Body (HTML)",
    "Vendor",
    "Type",
    "Tags",
    "Published",
    "Option1 Name",
    "Option1 Value",
    "Option2 Name",
    "Option2 Value",
    "Option3 Name",
    "Option3 Value",
    "Variant SKU",
    "Variant Grams",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Fulfillment Service",
    "Variant Price",
    "Variant Compare At Price",
    "Variant Requires Shipping",
    "Variant Taxable",
    "Variant Barcode",
    "Image Src",
    "Image Position",
    "Image Alt Text",
    "Gift Card",
    "SEO Title",
    "SEO Description",
    "Google Shopping / Google Product Category",
    "Google Shopping / Gender",
    "Google Shopping / Age Group",
    "Google Shopping / MPN",
    "Google Shopping / AdWords Grouping",
    "Google Shopping / AdWords Labels",
    "Google Shopping / Condition",
    "Google Shopping / Custom Product",
    "Google Shopping / Custom Label 0",
    "Google Shopping / Custom Label 1",
    "Google Shopping / Custom Label 2",
    "Google Shopping / Custom Label 3",
    "Google Shopping / Custom Label 4",
    "Variant Image",
    "Variant Weight Unit",
    "Variant Tax Code",
];
