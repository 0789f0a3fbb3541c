export { partSize } from '../brokers/part-size.js';
