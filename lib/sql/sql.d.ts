/** The bundler puts the text of these files in place. */
declare module '*.sql' {
  const text: string;
  export default text;
}
