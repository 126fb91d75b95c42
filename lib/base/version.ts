/** The package's version; a test holds it equal to package.json, which is then not read at run time. */
export const VERSION = '0.1.0';
