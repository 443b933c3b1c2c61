#include "compare/page.h"

#include <string.h>

/* Eight series colours after Okabe and Ito, darkened for white paper and lightened for black, each
 * at least 3:1 against its ground; charts add dashes, so colour never carries a meaning alone. Heat
 * maps mix at most --heat of the accent into the card: the ink on it keeps at least 4.5:1. */
static const char STYLE[] =
    ":root{color-scheme:light dark;--ground:#fbfaf8;--card:#fff;--ink:#1d1f24;--quiet:#5c616b;"
    "--line:#e3e1dc;--accent:#1f4e79;--best:#e8f0f7;"
    "--s0:#0069a8;--s1:#c2540a;--s2:#00795a;--s3:#a8437f;--s4:#8a6d00;--s5:#2b7fb5;--s6:#5b4bb0;"
    "--s7:#454a52;--heat:.6}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#14161a;--card:#1c1f25;--ink:#e8e6e1;"
    "--quiet:#a3a8b3;--line:#333842;--accent:#8cc1ee;--best:#22303e;"
    "--s0:#5cb3ec;--s1:#f29b52;--s2:#3fc79f;--s3:#e58fc0;--s4:#e2c44a;"
    "--s5:#9fd3f5;--s6:#aea2f5;--s7:#c4c8d0;--heat:.47}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif}\n"
    "main{max-width:76rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}\n"
    "h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 .25rem}\n"
    "h2{font-size:1.2rem;margin:2.75rem 0 .75rem}\n"
    "h3{font-size:.95rem;margin:0 0 .5rem}\n"
    ".quiet{color:var(--quiet)}h1+.quiet{margin:0 0 1.5rem}\n"
    ".facts{display:flex;flex-wrap:wrap;gap:.75rem 2.25rem;margin:0 0 1.5rem;padding:0}\n"
    ".facts dt{font-size:.8rem;color:var(--quiet)}.facts dd{margin:0}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.1rem "
    "1.25rem;margin:0 0 1.25rem;overflow-x:auto}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));"
    "gap:1.25rem}.grid .card{margin:0}\n"
    ".maps{display:flex;flex-wrap:wrap;gap:1.25rem}.maps .card{margin:0;flex:1 1 "
    "auto;max-width:100%}"
    "\n"
    "table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;font-weight:600;padding:0 0 .6rem}\n"
    "th,td{padding:.45rem .8rem;text-align:right;vertical-align:top;white-space:nowrap}\n"
    "th:first-child,td:first-child{text-align:left;padding-left:.2rem}\n"
    "thead th{font-weight:600;font-size:.85rem;color:var(--quiet);border-bottom:1px solid "
    "var(--line)}\n"
    "thead th.group{text-align:center;color:var(--ink);border-bottom:0}\n"
    "tbody th{font-weight:600;text-align:left}tbody tr+tr>*{border-top:1px solid var(--line)}\n"
    "tr.reference>*{color:var(--quiet)}tr.reference th{font-weight:400;font-style:italic}\n"
    "td.best{background:var(--best)}td.best b::after{content:\" \\2605\";font-size:.7em;"
    "vertical-align:.15em}\n"
    "td small,th small{display:block;color:var(--quiet);font-weight:400;font-size:.78rem}\n"
    ".notes{color:var(--quiet);font-size:.88rem;margin:.9rem 0 0;padding:0 0 0 1.1rem}\n"
    ".heat td{text-align:center;min-width:3.4rem;padding:.5rem .5rem;border:2px solid "
    "var(--card);background:color-mix(in oklab,var(--accent) "
    "calc(var(--p)*var(--heat)),var(--card))}\n"
    ".heat thead th{text-align:center}\n"
    ".heat thead th:first-child{text-align:left}.heat tbody tr+tr>*{border-top:2px solid "
    "var(--card)}\n"
    "svg{display:block;width:100%;height:auto}svg text{fill:var(--quiet);font-size:12.5px}\n"
    "svg .tick{stroke:var(--line);stroke-width:1}svg .curve{fill:none;stroke-width:2.25;"
    "stroke-linejoin:round;stroke-linecap:round}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;margin:.5rem 0 0;"
    "padding:0;font-size:.85rem}.legend li{display:flex;align-items:center;gap:.45rem}\n"
    ".legend svg{width:28px;height:10px;flex:none}\n"
    "details{margin:.6rem 0 0;font-size:.85rem}summary{color:var(--quiet);cursor:pointer}\n"
    "summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\n"
    ".s0{stroke:var(--s0)}.s1{stroke:var(--s1);stroke-dasharray:8 4}.s2{stroke:var(--s2);"
    "stroke-dasharray:2 5}.s3{stroke:var(--s3);stroke-dasharray:10 4 2 4}.s4{stroke:var(--s4);"
    "stroke-dasharray:14 5}.s5{stroke:var(--s5);stroke-dasharray:5 3}.s6{stroke:var(--s6);"
    "stroke-dasharray:12 3 2 3 2 3}.s7{stroke:var(--s7);stroke-dasharray:1 4}\n"
    "@media print{body{background:#fff}.card{break-inside:avoid}details{display:none}}\n";

leit_status leit_page_text(leit_buffer *html, const char *text)
{
    for (const char *c = text; *c != '\0';) {
        size_t plain = strcspn(c, "&<>\"'\001\002\003\004\005\006\007\010\013\014\015\016\017\020"
                                  "\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037"
                                  "\177");
        LEIT_TRY(leit_buffer_append(html, c, plain));
        c += plain;
        if (*c == '\0') break;
        const char *entity = *c == '&'    ? "&amp;"
                             : *c == '<'  ? "&lt;"
                             : *c == '>'  ? "&gt;"
                             : *c == '"'  ? "&quot;"
                             : *c == '\'' ? "&#39;"
                                          : "\xEF\xBF\xBD";
        LEIT_TRY(leit_buffer_puts(html, entity));
        c++;
    }
    return LEIT_OK;
}

leit_status leit_page_wrap(leit_buffer *html, const char *before, const char *text,
                           const char *after)
{
    LEIT_TRY(leit_buffer_puts(html, before));
    LEIT_TRY(leit_page_text(html, text));
    return leit_buffer_puts(html, after);
}

leit_status leit_page_begin(const char *title, const char *subtitle, leit_buffer *html)
{
    LEIT_TRY(leit_buffer_puts(
        html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"));
    LEIT_TRY(leit_page_wrap(html, "<title>", title, "</title>\n<style>\n"));
    LEIT_TRY(leit_buffer_puts(html, STYLE));
    LEIT_TRY(leit_page_wrap(html, "</style>\n</head>\n<body>\n<main>\n<h1>", title, "</h1>\n"));
    if (subtitle == NULL) return LEIT_OK;
    return leit_page_wrap(html, "<p class=\"quiet\">", subtitle, "</p>\n");
}

leit_status leit_page_end(leit_buffer *html)
{
    return leit_buffer_puts(html, "</main>\n</body>\n</html>\n");
}
