-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
-- query1.sql: a table of 30,000 rows filled, indexed, joined, grouped, updated and sorted.
create table item(id integer primary key, owner int, price real, name text);
with recursive n(i) as (values(1) union all select i+1 from n where i<30000)
  insert into item select i, i*7919%1000, (i*31%977)/10.0, 'item '||(i*13%4001) from n;
create index by_owner on item(owner);
create table owner as select distinct owner as id, 'owner '||owner as name from item;
select count(*), round(sum(price),2) from item join owner on owner.id=item.owner where owner.name like '%7%';
select owner, count(*), round(avg(price),3), max(name) from item group by owner order by 3 desc, 1 limit 5;
update item set price=price*1.1 where owner between 100 and 300;
select round(sum(price),3), count(distinct name) from item;
delete from item where id%3=0;
select name, price from item order by price desc, name, id limit 3;
select count(*) from item a where exists (select 1 from item b where b.owner=a.owner and b.id>a.id and b.price<1);
.exit 0
