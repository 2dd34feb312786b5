create table item (id integer primary key, name text, value integer);
with recursive n (i) as (select 1 union all select i + 1 from n where i < 8000)
insert into item select i, 'item ' || (i * 7919 % 8009), i * i % 1000 from n;
create index by_name on item (name);
select count(*), sum(value), min(name), max(name) from item;
select a.id, b.id from item a join item b on b.name = 'item ' || a.value where a.id < 20 order by a.id;
delete from item where value < 500;
select count(*), avg(value) from item;
select value, count(*) from item group by value order by 2 desc, 1 limit 3;
