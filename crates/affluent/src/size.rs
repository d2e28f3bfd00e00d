//! Amounts of memory as people write them: `512MB`, `2GiB`.

/// The bytes of `text`: a number and B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024).
pub(crate) fn parse(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" | "ki" => 1024.0,
        "mib" | "mi" => 1024.0_f64.powi(2),
        "gib" | "gi" => 1024.0_f64.powi(3),
        "tib" | "ti" => 1024.0_f64.powi(4),
        _ => return Err("write a number and a unit, as in 512MB or 2GiB".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "write a number and a unit, as in 512MB or 2GiB".to_owned())?;
    let bytes = number * factor;
    if bytes < SMALLEST {
        return Err("at least 64MB are needed".to_owned());
    }
    Ok(bytes as usize)
}

/// The most memory that this process has held, where the system tells (Linux).
pub(crate) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Below this, not even the reading of a page of Parquet fits.
const SMALLEST: f64 = 64e6;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_units_of_a_thousand_and_of_1024() {
        for (text, bytes) in [
            ("512MB", 512_000_000),
            ("512 mb", 512_000_000),
            ("512MiB", 536_870_912),
            ("2GiB", 2_147_483_648),
            ("1.5G", 1_500_000_000),
            ("100000000", 100_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "MB", "12 parsecs", "-1GB", "1e9", "1MB", "0"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
