export * from './next/index.js';
