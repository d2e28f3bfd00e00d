//! Size bands of companies.

/// `0`, `1-9`, `10-99`, `100-499`, `500-4999`, `5000+`.
pub fn headcount_band(employees: u64) -> &'static str {
    match employees {
        0 => "0",
        1..=9 => "1-9",
        10..=99 => "10-99",
        100..=499 => "100-499",
        500..=4_999 => "500-4999",
        _ => "5000+",
    }
}

#[cfg(test)]
mod tests {
    use super::headcount_band;

    #[test]
    fn bounds() {
        for (employees, want) in [(0, "0"), (9, "1-9"), (10, "10-99"), (99, "10-99"), (499, "100-499"), (5000, "5000+")]
        {
            assert_eq!(headcount_band(employees), want);
        }
    }
}
