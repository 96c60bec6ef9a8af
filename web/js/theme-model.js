// Which colours a page has. Pure.

/** `light` or `dark`: what was chosen here, else what the system prefers; dark when it says nothing. */
export function themeOf(chosen, systemIsLight) {
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return systemIsLight ? 'light' : 'dark';
}

/** What the toggle chooses: the other one. */
export function nextTheme(chosen, systemIsLight) {
  return themeOf(chosen, systemIsLight) === 'light' ? 'dark' : 'light';
}
