// SPDX-License-Identifier: Apache-2.0
// The same aggregation as stdlib_reader.py, as one DuckDB query over the tree.
// Usage: node duckdb_reader.mjs TREE [THREADS]   (needs npm package @duckdb/node-api)
import { DuckDBInstance } from '@duckdb/node-api';

const tree = process.argv[2].replaceAll("'", "''");
const instance = await DuckDBInstance.create(':memory:', { threads: process.argv[3] ?? '1' });
const connection = await instance.connect();
// A row ends with POWER PMLMT TOTEC ... : 23 values after the device name, counted from the right.
const result = await connection.runAndReadAll(`
  with lines as (
    select filename, regexp_split_to_array(trim(line), '\\s+') as c
    from read_csv('${tree}/results_*/*_profile.csv', delim = '\\x01', header = false, quote = '',
                  escape = '', columns = {'line': 'VARCHAR'}, filename = true)
    where line like 'GPU %'),
  runs as (
    select filename, count(*) * 0.05 as t, avg(c[-23]::double) as p,
           (max(c[-21]::double) - min(c[-21]::double)) / 1000 as e
    from lines group by filename),
  named as (
    select regexp_extract(filename, 'results_([^_/]+)_([^_/]+)_job', 1) as gpu,
           regexp_extract(filename, 'results_([^_/]+)_([^_/]+)_job', 2) as app,
           regexp_extract(filename, 'freq_(\\d+)_profile', 1)::int as clock, t, e
    from runs),
  cells as (select gpu, app, clock, avg(e) * avg(t) as edp from named group by all)
  select gpu, app, arg_min(clock, edp) as clock from cells group by gpu, app order by gpu, app`);
for (const row of result.getRows()) console.log(row.join(' '));
