//! French departments and regions from a postcode.
//!
//! Names and codes as in INSEE's official geographic code (2016 regions). Corsica's postcodes begin with 20: 200 and 201
//! are 2A, the rest 2B. Overseas the first three digits count.

/// A department and its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Department {
    /// INSEE code: `75`, `2A`, `971`.
    pub code: &'static str,
    /// Name.
    pub name: &'static str,
    /// INSEE code of the region; overseas collectivities have none and repeat their own code.
    pub region_code: &'static str,
}

/// Code and name of each region.
const REGIONS: &str = "
01|Guadeloupe
02|Martinique
03|Guyane
04|La Réunion
06|Mayotte
11|Île-de-France
24|Centre-Val de Loire
27|Bourgogne-Franche-Comté
28|Normandie
32|Hauts-de-France
44|Grand Est
52|Pays de la Loire
53|Bretagne
75|Nouvelle-Aquitaine
76|Occitanie
84|Auvergne-Rhône-Alpes
93|Provence-Alpes-Côte d'Azur
94|Corse
975|Saint-Pierre-et-Miquelon
977|Saint-Barthélemy
978|Saint-Martin
986|Wallis-et-Futuna
987|Polynésie française
988|Nouvelle-Calédonie
";

/// Code, region code and name of each department.
const DEPARTMENTS: &str = "
01|84|Ain
02|32|Aisne
03|84|Allier
04|93|Alpes-de-Haute-Provence
05|93|Hautes-Alpes
06|93|Alpes-Maritimes
07|84|Ardèche
08|44|Ardennes
09|76|Ariège
10|44|Aube
11|76|Aude
12|76|Aveyron
13|93|Bouches-du-Rhône
14|28|Calvados
15|84|Cantal
16|75|Charente
17|75|Charente-Maritime
18|24|Cher
19|75|Corrèze
2A|94|Corse-du-Sud
2B|94|Haute-Corse
21|27|Côte-d'Or
22|53|Côtes-d'Armor
23|75|Creuse
24|75|Dordogne
25|27|Doubs
26|84|Drôme
27|28|Eure
28|24|Eure-et-Loir
29|53|Finistère
30|76|Gard
31|76|Haute-Garonne
32|76|Gers
33|75|Gironde
34|76|Hérault
35|53|Ille-et-Vilaine
36|24|Indre
37|24|Indre-et-Loire
38|84|Isère
39|27|Jura
40|75|Landes
41|24|Loir-et-Cher
42|84|Loire
43|84|Haute-Loire
44|52|Loire-Atlantique
45|24|Loiret
46|76|Lot
47|75|Lot-et-Garonne
48|76|Lozère
49|52|Maine-et-Loire
50|28|Manche
51|44|Marne
52|44|Haute-Marne
53|52|Mayenne
54|44|Meurthe-et-Moselle
55|44|Meuse
56|53|Morbihan
57|44|Moselle
58|27|Nièvre
59|32|Nord
60|32|Oise
61|28|Orne
62|32|Pas-de-Calais
63|84|Puy-de-Dôme
64|75|Pyrénées-Atlantiques
65|76|Hautes-Pyrénées
66|76|Pyrénées-Orientales
67|44|Bas-Rhin
68|44|Haut-Rhin
69|84|Rhône
70|27|Haute-Saône
71|27|Saône-et-Loire
72|52|Sarthe
73|84|Savoie
74|84|Haute-Savoie
75|11|Paris
76|28|Seine-Maritime
77|11|Seine-et-Marne
78|11|Yvelines
79|75|Deux-Sèvres
80|32|Somme
81|76|Tarn
82|76|Tarn-et-Garonne
83|93|Var
84|93|Vaucluse
85|52|Vendée
86|75|Vienne
87|75|Haute-Vienne
88|44|Vosges
89|27|Yonne
90|27|Territoire de Belfort
91|11|Essonne
92|11|Hauts-de-Seine
93|11|Seine-Saint-Denis
94|11|Val-de-Marne
95|11|Val-d'Oise
971|01|Guadeloupe
972|02|Martinique
973|03|Guyane
974|04|La Réunion
975|975|Saint-Pierre-et-Miquelon
976|06|Mayotte
977|977|Saint-Barthélemy
978|978|Saint-Martin
986|986|Wallis-et-Futuna
987|987|Polynésie française
988|988|Nouvelle-Calédonie
";

/// The department of a French postcode of five digits; none for any other text and for prefixes of no department (military
/// and special ones such as 00 and 99).
pub fn fr_department(postcode: &str) -> Option<Department> {
    if postcode.len() != 5 || !postcode.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Saint-Barthélemy and Saint-Martin kept the postcodes they had as towns of Guadeloupe.
    let code = match (postcode, &postcode[..2], &postcode[..3]) {
        ("97133", ..) => "977",
        ("97150", ..) => "978",
        (_, "20", "200" | "201") => "2A",
        (_, "20", _) => "2B",
        (_, "97" | "98", three) => three,
        (_, two, _) => two,
    };
    DEPARTMENTS.lines().find_map(|row| {
        let mut parts = row.split('|');
        let (found, region_code, name) = (parts.next()?, parts.next()?, parts.next()?);
        (found == code).then_some(Department { code: found, name, region_code })
    })
}

/// Code and name of the region of a French postcode.
pub fn fr_region(postcode: &str) -> Option<(&'static str, &'static str)> {
    let code = fr_department(postcode)?.region_code;
    REGIONS.lines().find_map(|row| row.split_once('|').filter(|(found, _)| *found == code))
}

#[cfg(test)]
mod tests {
    use super::{DEPARTMENTS, fr_department, fr_region};

    #[test]
    fn places() {
        for (postcode, department, region) in [
            ("75011", Some("Paris"), Some("Île-de-France")),
            ("20000", Some("Corse-du-Sud"), Some("Corse")),
            ("20137", Some("Corse-du-Sud"), Some("Corse")),
            ("20200", Some("Haute-Corse"), Some("Corse")),
            ("97400", Some("La Réunion"), Some("La Réunion")),
            ("97150", Some("Saint-Martin"), Some("Saint-Martin")),
            ("98800", Some("Nouvelle-Calédonie"), Some("Nouvelle-Calédonie")),
            ("69003", Some("Rhône"), Some("Auvergne-Rhône-Alpes")),
            ("99000", None, None),
            ("7501", None, None),
        ] {
            assert_eq!(fr_department(postcode).map(|found| found.name), department, "{postcode}");
            assert_eq!(fr_region(postcode).map(|found| found.1), region, "{postcode}");
        }
    }

    #[test]
    fn every_department_has_a_region() {
        let rows = DEPARTMENTS.lines().filter(|row| !row.is_empty());
        let mut count = 0;
        for row in rows {
            let code = row.split('|').next().unwrap_or_default();
            let postcode = match code {
                "2A" => "20000".to_owned(),
                "2B" => "20200".to_owned(),
                "977" => "97133".to_owned(),
                "978" => "97150".to_owned(),
                code => format!("{code:0<5}"),
            };
            assert_eq!(fr_department(&postcode).map(|found| found.code), Some(code), "{row}");
            assert!(fr_region(&postcode).is_some(), "{row}");
            count += 1;
        }
        assert_eq!(count, 107);
    }
}
