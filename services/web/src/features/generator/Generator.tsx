export function Generator() {
  return null;
}
