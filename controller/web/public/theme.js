// Runs before the first paint, so that a chosen theme does not flash. The page's theme switch writes the same key.
try {
  const theme = localStorage.getItem('headroom-theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage may be forbidden: the system's choice holds.
}
