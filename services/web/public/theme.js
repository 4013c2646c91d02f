// Apply the stored theme before the first paint to avoid a flash. A separate file, because the policy forbids inline scripts.
try {
  const theme = sessionStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be blocked. The system theme applies then.
}
