-- The sample target: a small shop's order database. Every value is made up.
create schema if not exists public;
create table customers (
  id integer primary key,
  name text not null,
  email text not null unique,
  country text not null
);
create table orders (
  id integer primary key,
  customer_id integer not null references customers (id),
  placed_at timestamptz not null,
  total_cents integer not null,
  card_number text not null,
  status text not null
);
create table integrations (
  id integer primary key,
  partner text not null,
  api_key text not null
);
insert into customers values
  (1, 'Ada Byron', 'ada.byron@example.com', 'GB'),
  (2, 'Grace Murray', 'grace.murray@example.com', 'US'),
  (3, 'Edsger Rotter', 'edsger.rotter@example.com', 'NL'),
  (4, 'Barbara Huber', 'barbara.huber@example.com', 'US'),
  (5, 'Niklaus Winter', 'niklaus.winter@example.com', 'CH');
insert into orders values
  (101, 1, '2026-11-02 09:14:00+00', 12900, '4111 1111 1111 1111', 'shipped'),
  (102, 2, '2026-11-03 16:40:00+00', 4550, '5500 0055 5555 5559', 'paid'),
  (103, 2, '2026-11-05 11:05:00+00', 880, '5500 0055 5555 5559', 'cancelled'),
  (104, 3, '2026-11-08 19:22:00+00', 23400, '3400 0000 0000 009', 'paid'),
  (105, 5, '2026-11-12 07:51:00+00', 1999, '6011 0000 0000 0004', 'shipped');
insert into integrations values
  (1, 'freight-partner', 'AKIAIOSFODNN7EXAMPLE'),
  (2, 'billing-partner', 'sk_live_51SallyportDemoNotARealKey000');
