-- SQL: tables, joins, windows, recursion, JSON, full text, transactions, and errors.
.mode list
create table people(id integer primary key, name text not null, born int, boss int references people(id));
insert into people values (1,'Ada',1815,null),(2,'Grace',1906,1),(3,'Edsger',1930,1),(4,'Barbara',1939,2),(5,'Tony',1934,3);
select p.name, coalesce(b.name,'-') from people p left join people b on p.boss=b.id order by p.name;
select name, rank() over (order by born), born - lag(born) over (order by born) from people order by born;
with recursive below(id, name, depth) as (select id,name,0 from people where id=1 union all
  select p.id,p.name,depth+1 from people p join below b on p.boss=b.id) select printf('%.*c%s', depth*2+1, ' ', name) from below order by depth,name;
with recursive n(i) as (values(1) union all select i+1 from n where i<20000)
  select count(*), sum(i), avg(i*1.0), max(i%977), group_concat(case when i%4000=0 then i end) from n;
create table numbers as with recursive n(i) as (values(0) union all select i+1 from n where i<30000) select i, i*7919%30011 as v, hex(i*31) as t from n;
create index by_v on numbers(v);
select count(*) from numbers where v between 100 and 2000 and t like '%A%';
select v%10 as d, count(*), min(t), max(t) from numbers group by d order by d;
explain query plan select * from numbers where v=5;
select json_extract('{"a":[1,2,{"b":"x"}]}','$.a[2].b'), json_group_array(name) from people;
begin; delete from people; rollback; select count(*) from people;
insert into people values (1,'again',0,null);
select upper(substr(name,2)), length(name), instr(name,'a'), round(1.0/3,4), typeof(born), quote(x'00ff') from people limit 3;
create view elders as select name from people where born<1920; select * from elders;
create trigger t after insert on people begin update people set name=name||'!' where id=new.id; end;
insert into people(name,born) values('Margaret',1936); select name from people where born=1936;
select sqlite_version() is not null, strftime('%Y-%m-%d','2026-11-22','+40 days'), julianday('2000-01-01');
vacuum; pragma integrity_check; pragma page_count;
select * from nowhere;
