// SPDX-License-Identifier: Apache-2.0
// The figures of stdlib_rows.py, as one DuckDB query over the tree.
// Usage: node duckdb_reader.mjs TREE THREADS [--runs]   (npm package @duckdb/node-api)
import { DuckDBInstance } from '@duckdb/node-api';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , tree, threads, option] = process.argv;
if (!(threads > 0) || process.argv.length > 5 || (option && option !== '--runs')) {
  console.error('usage: duckdb_reader.mjs TREE THREADS [--runs]');
  process.exit(2);
}
const means = ['GPUTL', 'MCUTL', 'GRACT', 'SMACT', 'DRAMA', 'TMPTR', 'SMCLK'];

// Columns are counted from the right: the board's name has spaces.
function header() {
  const job = readdirSync(tree).find((name) => name.startsWith('results_'));
  const file = readdirSync(join(tree, job)).find((name) => name.endsWith('_profile.csv'));
  return readFileSync(join(tree, job, file), 'ascii').split('\n', 1)[0].trim().split(/\s+/);
}
const names = header();
const cell = (name) => `try_cast(c[${names.indexOf(name) - names.length}] as double)`;

const figures = [
  'count(*) as rows',
  'avg(power) as power_mean',
  'avg(power) * count(*) * 0.05 as energy',
  'stddev_samp(power) as power_sd',
  'min(power) as power_min',
  'max(power) as power_max',
  ...means.map((name) => `avg(${name}) as ${name.toLowerCase()}`),
  'max(TMPTR) as temp_max',
];
const runs = `
  with lines as (
    select filename, regexp_split_to_array(trim(line), '\\s+') as c
    from read_csv('${tree.replaceAll("'", "''")}/results_*/*_profile.csv', delim = '\\x01',
                  header = false, quote = '', escape = '', columns = {'line': 'VARCHAR'},
                  filename = true)
    where line like 'GPU %'),
  samples as (
    select filename, ${cell('POWER')} as power,
           ${means.map((name) => `${cell(name)} as ${name}`).join(', ')} from lines),
  reduced as (select filename, ${figures.join(', ')} from samples group by filename),
  runs as (
    select regexp_extract(filename, 'results_([^_/]+)_([^_/]+)_job', 1) as gpu,
           regexp_extract(filename, 'results_([^_/]+)_([^_/]+)_job', 2) as app,
           regexp_extract(filename, 'freq_(\\d+)_profile', 1)::int as clock,
           regexp_extract(filename, 'run_\\d+_(\\d+)_freq', 1)::int as rep, reduced.*
    from reduced)`;
const choice = `, cells as (
    select gpu, app, clock, avg(rows * 0.05) * avg(energy) as product from runs group by all)
  select gpu, app, arg_min(clock, product) as clock from cells group by gpu, app
  order by gpu, app`;

const instance = await DuckDBInstance.create(':memory:', { threads });
const connection = await instance.connect();
const all = option === '--runs';
const result = await connection.runAndReadAll(
  runs + (all ? ' select * exclude (filename) from runs order by gpu, app, clock, rep' : choice));
const columns = result.columnNames();
for (const row of result.getRows())
  console.log(row.map((v, i) => (i < 4 || !all ? v : `${columns[i]}=${v ?? 'nan'}`)).join(' '));
