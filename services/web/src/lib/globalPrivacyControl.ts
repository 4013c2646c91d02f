/** Return whether the browser sends Global Privacy Control: its user does not want to be tracked. */
export function globalPrivacyControl(): boolean {
  return "globalPrivacyControl" in navigator && navigator.globalPrivacyControl === true;
}
