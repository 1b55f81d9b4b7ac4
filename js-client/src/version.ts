/** The version of this package: for messages to people, and to tell two copies of it in one document apart. */
export const VERSION = '0.1.0'
