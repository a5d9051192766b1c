export { Catalog, createCatalog, type CatalogOptions, type Messages } from './catalog.ts';
export { MessageSyntaxError, MissingArgumentError, MissingMessageError } from './errors.ts';
export { formatMessage, type Arguments, type ArgumentValue, type FormatContext } from './format.ts';
export { parseMessage, type Part, type PluralPart, type SelectPart, type ValuePart } from './parse.ts';
