/** The version of this package: in texts, and to distinguish two copies of it in one document. */
export const VERSION = '0.1.0'
