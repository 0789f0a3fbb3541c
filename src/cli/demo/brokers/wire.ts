import type { Message } from '../feed.js';

/** A message as it lies in a broker. */
export const writeMessage = (message: Message): string => JSON.stringify(message);

export const readMessage = (bytes: Uint8Array): Message => JSON.parse(new TextDecoder().decode(bytes)) as Message;
