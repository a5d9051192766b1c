/** A message that cannot be read. */
export class MessageSyntaxError extends Error {
  override readonly name = 'MessageSyntaxError';
  /** Where in the message, in UTF-16 units from its start. */
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`${problem} at ${offset}`);
    this.offset = offset;
  }
}

export class MissingArgumentError extends Error {
  override readonly name = 'MissingArgumentError';

  constructor(argument: string) {
    super(`the message needs the argument ${argument}`);
  }
}

export class MissingMessageError extends Error {
  override readonly name = 'MissingMessageError';

  constructor(key: string, locale: string) {
    super(`there is no message ${JSON.stringify(key)} for ${locale}`);
  }
}
