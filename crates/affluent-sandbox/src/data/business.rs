//! Words of business: professions, company names, legal forms, NAF codes, deals, tickets, campaigns.

/// Professions, as job titles.
pub(crate) const PROFESSIONS: &[&str] = &[
    "Comptable",
    "Infirmière",
    "Professeur des écoles",
    "Ingénieur",
    "Commercial",
    "Retraité",
    "Étudiant",
    "Artisan",
    "Responsable achats",
    "Directeur général",
    "Assistante de direction",
    "Chef de projet",
    "Médecin",
    "Avocat",
    "Architecte",
    "Développeur",
    "Consultante",
    "Technicien",
    "Vendeur",
    "Agriculteur",
    "Pharmacienne",
    "Responsable marketing",
    "DRH",
    "Chauffeur",
    "Cuisinier",
    "Graphiste",
    "Notaire",
    "Gérant",
];

/// First words of company names.
pub(crate) const COMPANY_HEADS: &[&str] = &[
    "Atelier",
    "Boulangerie",
    "Transports",
    "Menuiserie",
    "Cabinet",
    "Groupe",
    "Établissements",
    "Société",
    "Maison",
    "Laboratoire",
    "Garage",
    "Imprimerie",
    "Pépinières",
    "Conserverie",
    "Éditions",
    "Clinique",
    "Brasserie",
    "Techno",
    "Bâtiment",
    "Logistique",
    "Agence",
    "Domaine",
    "Optique",
    "Papeterie",
];

/// Second words of company names.
pub(crate) const COMPANY_TAILS: &[&str] = &[
    "Horizon",
    "Atlantique",
    "du Midi",
    "des Alpes",
    "Lumière",
    "Saint-Martin",
    "de l'Ouest",
    "Océan",
    "du Rhône",
    "Mercure",
    "Phénix",
    "Bleu",
    "Armor",
    "des Lys",
    "Occitan",
    "Val de Loire",
    "Provence",
    "Europa",
    "Delta",
    "Granit",
    "Solaire",
    "Méridien",
    "du Nord",
    "Vauban",
    "Cévennes",
    "Azur",
    "Orion",
    "Nova",
    "Alliance",
    "Pasteur",
];

/// Legal forms and how likely each is.
pub(crate) const LEGAL_FORMS: &[(&str, f64)] = &[
    ("SARL", 0.38),
    ("SAS", 0.34),
    ("SA", 0.08),
    ("EURL", 0.08),
    ("SASU", 0.06),
    ("SCI", 0.03),
    ("SNC", 0.02),
    ("SCOP", 0.01),
];

/// NAF (rév. 2) codes.
pub(crate) const NAF: &[&str] = &[
    "62.01Z", "62.02A", "70.22Z", "43.32A", "43.21A", "10.71C", "10.39A", "47.11D", "47.71Z", "49.41A", "52.29B",
    "56.10A", "55.10Z", "68.20A", "69.10Z", "69.20Z", "71.12B", "73.11Z", "86.21Z", "86.10Z", "45.20A", "18.12Z",
    "58.11Z", "01.30Z", "11.05Z",
];

/// Deal and opportunity stages: HubSpot's value, Salesforce's value. The last two close: won, lost.
pub(crate) const STAGES: &[(&str, &str)] = &[
    ("appointmentscheduled", "Prospecting"),
    ("qualifiedtobuy", "Qualification"),
    ("presentationscheduled", "Needs Analysis"),
    ("contractsent", "Proposal/Price Quote"),
    ("closedwon", "Closed Won"),
    ("closedlost", "Closed Lost"),
];

/// What is sold in deals.
pub(crate) const OFFERS: &[&str] =
    &["Abonnement annuel", "Licence", "Maintenance", "Pack formation", "Équipement", "Audit"];

/// Ticket subjects.
pub(crate) const SUBJECTS: &[&str] = &[
    "Colis non reçu",
    "Article endommagé",
    "Demande de facture",
    "Changement d'adresse",
    "Remboursement",
    "Mot de passe oublié",
    "Question produit",
    "Retard de livraison",
    "Erreur de commande",
    "Résiliation",
    "Garantie",
    "Paiement refusé",
];

/// Campaign kinds: name, channel, Salesforce's Type, cost range in euros.
pub(crate) const CAMPAIGNS: &[(&str, &str, &str, (i64, i64))] = &[
    ("Newsletter", "email", "Email", (150, 500)),
    ("Soldes", "search", "Advertisement", (900, 6_000)),
    ("Retrouvailles", "sms", "Telemarketing", (300, 1_500)),
    ("Nouveautés", "social", "Banner Ads", (500, 4_000)),
    ("Catalogue", "mail", "Direct Mail", (1_200, 8_000)),
];

/// Mail providers of private addresses.
pub(crate) const MAIL_PROVIDERS: &[(&str, f64)] = &[
    ("gmail.com", 0.42),
    ("orange.fr", 0.14),
    ("hotmail.fr", 0.1),
    ("yahoo.fr", 0.09),
    ("free.fr", 0.08),
    ("wanadoo.fr", 0.06),
    ("laposte.net", 0.05),
    ("outlook.com", 0.04),
    ("sfr.fr", 0.02),
];
