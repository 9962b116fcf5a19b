/** What the words and numbers of drift are, wherever it is shown. */

/** Nothing is wrong with data that has no columns. */
export const CALM = { 'not-a-table': 'Drift needs a table; this is none.' };
