/** The schema that most tests share, with a few rows. */
import {
  boolean,
  describeSchema,
  emptySchema,
  insertInto,
  integer,
  planMigration,
  sqlite,
  table,
  text,
  timestamp,
} from '../src/index.ts';
import { openSqlite } from './sqlite-driver.ts';

export const users = table('users', {
  id: integer().primaryKey().generated(),
  name: text().notNull(),
  email: text(),
  active: boolean().notNull().default(true),
});

export const posts = table('posts', {
  id: integer().primaryKey().generated(),
  authorId: integer('author_id').references(() => users.id),
  title: text().notNull(),
  likes: integer().notNull().default(0),
  publishedAt: timestamp('published_at'),
});

export async function openBlog() {
  const { db, raw } = openSqlite(...planMigration(emptySchema, describeSchema([posts, users]), sqlite));
  await db.run(
    insertInto(users).values([
      { name: 'Ada', email: 'ada@example.org' },
      { name: 'Grace', active: false },
      { name: 'Edsger', email: 'edsger@example.org' },
    ]),
  );
  await db.run(
    insertInto(posts).values([
      { authorId: 1, title: 'Engines', likes: 3, publishedAt: new Date('2026-01-02T03:04:05.000Z') },
      { authorId: 1, title: 'Notes', likes: 5 },
      { authorId: 2, title: 'Compilers' },
      { title: 'Anonymous' },
    ]),
  );
  return { db, raw };
}
