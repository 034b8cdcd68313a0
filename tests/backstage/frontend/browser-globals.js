// What some of the packages expect a bundler to bring.
import { Buffer } from 'buffer';
import process from 'process/browser.js';

globalThis.Buffer = Buffer;
globalThis.process = process;
