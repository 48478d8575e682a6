//! The words of the command line.

pub struct Args(pub Vec<String>);
impl Args {
    pub fn get(&self, k: &str) -> Option<&str> {
        self.0.iter().position(|a| a == k).and_then(|i| self.0.get(i + 1)).map(|s| s.as_str())
    }
    pub fn all(&self, k: &str) -> Vec<&str> {
        let mut v = vec![];
        for i in 0..self.0.len() {
            if self.0[i] == k && i + 1 < self.0.len() {
                v.push(self.0[i + 1].as_str())
            }
        }
        v
    }
    pub fn has(&self, k: &str) -> bool {
        self.0.iter().any(|a| a == k)
    }
    pub fn num<T: std::str::FromStr>(&self, k: &str, d: T) -> T {
        self.get(k).and_then(|s| s.parse().ok()).unwrap_or(d)
    }
}
