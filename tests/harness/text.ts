/** Without the escape sequences that tell a terminal its colours. */
export function plain(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
