//! First names and surnames by country, the likelier ones first, and nicknames.

use std::sync::LazyLock;

fn words(text: &'static str) -> Vec<&'static str> {
    text.split_whitespace().collect()
}

/// The names of one country.
pub(crate) struct Names {
    /// Women's first names.
    pub(crate) women: Vec<&'static str>,
    /// Men's first names.
    pub(crate) men: Vec<&'static str>,
    /// Surnames.
    pub(crate) surnames: Vec<&'static str>,
}

fn names(women: &'static str, men: &'static str, surnames: &'static str) -> Names {
    Names { women: words(women), men: words(men), surnames: words(surnames) }
}

/// French names, frequent in the births and the telephone books of the last eighty years.
pub(crate) static FRENCH: LazyLock<Names> = LazyLock::new(|| {
    names(
        "Marie Nathalie Isabelle Sylvie Catherine Martine Christine Françoise Valérie Sandrine Stéphanie Véronique Sophie \
         Céline Chantal Patricia Anne Brigitte Julie Monique Aurélie Nicole Laurence Annie Émilie Dominique Virginie \
         Corinne Élodie Christelle Camille Caroline Léa Sarah Florence Laetitia Audrey Hélène Laura Manon Michèle Cécile \
         Christiane Béatrice Claire Nadine Delphine Pauline Karine Mélanie Marion Chloé Jacqueline Élisabeth Évelyne \
         Marine Claudine Anaïs Lucie Danielle Carole Fanny Mathilde Emma Inès Jade Louise Alice Zoé Agnès Margaux Juliette \
         Noémie Clémence Solène Maëlle Gaëlle Yasmine Fatima Nadia Samira Amandine Charlotte Sabrina Vanessa Élise \
         Marie-Claude Anne-Sophie Marie-Laure Anne-Marie Rose-Marie Geneviève Odile Ginette Simone Apolline Capucine",
        "Jean Philippe Michel Alain Patrick Nicolas Christophe Pierre Christian Éric Frédéric Laurent Stéphane David \
         Pascal Daniel Alexandre Thierry Olivier Thomas Julien Bernard Gérard Sébastien Jacques Bruno François Vincent \
         Didier Maxime Dominique Guillaume Antoine Jérôme Romain Marc Anthony Serge Claude Franck Mathieu Benjamin \
         Gilles Kevin Xavier Fabrice Hervé Yves Clément Florian Paul Quentin Lucas Hugo Louis Adrien Arnaud Cédric \
         Mickaël Rémi Emmanuel Jean-Pierre Jean-Luc Jean-Claude Jean-François Grégory Fabien Ludovic Loïc Damien Yann \
         Aurélien Théo Gaël Valentin Raphaël Gabriel Jules Arthur Ethan Noé Mohamed Karim Rachid Mehdi Samir Youssef \
         Baptiste Simon Tristan Corentin Bastien Étienne Joël Denis Roger René Raymond Marcel Robert Georges Tanguy",
        "Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefèvre Leroy Roux David \
         Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefebvre Faure André Mercier \
         Blanc Guérin Boyer Garnier Chevalier François Legrand Gauthier Garcia Perrin Robin Clément Morin Nicolas Henry \
         Roussel Mathieu Gautier Masson Marchand Duval Denis Dumont Marie Lemaire Noël Meyer Dufour Meunier Brun Blanchard \
         Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud Martinez Gérard Roche Renard Schmitt Roy Leroux Colin \
         Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud Dumas Lacroix Olivier Philippe Bourgeois Pierre Benoît Rey \
         Leclerc Payet Rolland Leclercq Guillaume Lecomte Lopez Jean Dupuy Guillot Hubert Berger Carpentier Sanchez Dupuis \
         Moulin Louis Deschamps Huet Vasseur Perez Boucher Fleury Royer Klein Jacquet Adam Paris Poirier Marty Aubry Guyot \
         Carré Charles Renault Charpentier Ménard Maillard Baron Bertin Bailly Hervé Schneider Fernandez Le-Gall Collet \
         Léger Bouvier Julien Prévost Millet Perrot Daniel Le-Roux Cousin Germain Breton Besson Langlois Rémy Le-Goff \
         Pelletier Lévêque Perrier Leblanc Barré Lebrun Marchal Weber Mallet Hamon Boulanger Jacob Monnier Michaud Guichard \
         Poulain Étienne Gillet Hoarau Tessier Chevallier Collin Da-Silva Bouchet Gay Lemaître Bénard Maréchal Humbert \
         Reynaud Antoine Hoareau Perret Barthélemy Cordier Pichon Lejeune Gilbert Lamy Delaunay Pasquier Carlier Laporte \
         Gros Buisson Didier Briand Georges Launay Coulon Mahé Kerguelen Abgrall Benali Traoré Diallo Haddad Nguyen \
         Ben-Amar Cohen Lévy Lefranc Vasselin Quéméneur Castaing Etcheverry Bordenave Delacroix Vandenberghe Delattre \
         Wagner Zimmermann Kieffer Casanova Mattei Albertini Rossi Ferrari Santos Pereira Rodrigues Fontanille Chabrol",
    )
});

/// Names of the other countries the customers live in, by country code.
pub(crate) static FOREIGN: LazyLock<Vec<(&'static str, Names)>> = LazyLock::new(|| {
    vec![
        (
            "GB",
            names(
                "Olivia Amelia Sarah Emma Charlotte Emily Jessica Rebecca Catherine Elizabeth Margaret Hannah Gemma",
                "James John David Michael William Robert Andrew Daniel Matthew Christopher Oliver Thomas George Ian",
                "Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker O'Brien",
            ),
        ),
        (
            "DE",
            names(
                "Anna Sabine Petra Ursula Claudia Monika Julia Katharina Lena Birgit Käthe",
                "Peter Michael Thomas Andreas Wolfgang Klaus Jürgen Günter Stefan Matthias Jörg Lukas",
                "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Groß",
            ),
        ),
        (
            "BE",
            names(
                "Marie Emma Louise Nathalie An Els Katrien Sofie Ingrid Véronique",
                "Marc Jan Luc Jean Peter Koen Tom Bart Philippe Wouter",
                "Peeters Janssens Maes Jacobs Mertens Willems Claes Goossens Dubois Lambert Van-Damme De-Smet",
            ),
        ),
        (
            "CH",
            names(
                "Anna Ursula Sandra Daniela Claudia Nicole Céline Martina Chantal Léonie",
                "Daniel Peter Thomas Hans Christian Urs Beat Reto Olivier Luca",
                "Müller Meier Schmid Keller Weber Huber Favre Rochat Bianchi Frei Gerber Brunner",
            ),
        ),
        (
            "ES",
            names(
                "María Carmen Ana Isabel Laura Cristina Marta Lucía Paula Núria",
                "Antonio José Manuel Francisco David Juan Javier Daniel Sergio Íñigo",
                "García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Ibáñez Muñoz",
            ),
        ),
        (
            "IT",
            names(
                "Maria Anna Giulia Francesca Chiara Elena Paola Laura Federica Giorgia",
                "Giuseppe Marco Andrea Antonio Luca Francesco Paolo Matteo Stefano Niccolò",
                "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco D'Angelo",
            ),
        ),
        (
            "US",
            names(
                "Mary Jennifer Linda Susan Jessica Karen Lisa Ashley Emily Megan",
                "James Robert John Michael David William Richard Joseph Charles Kevin",
                "Smith Johnson Williams Brown Jones Garcia Miller Davis Lee Nguyen",
            ),
        ),
    ]
});

/// Everyday short forms of first names.
pub(crate) const NICKNAMES: &[(&str, &str)] = &[
    ("Alexandre", "Alex"),
    ("Benjamin", "Ben"),
    ("Catherine", "Cathy"),
    ("Christophe", "Chris"),
    ("Daniel", "Dan"),
    ("Dominique", "Dom"),
    ("Élisabeth", "Babeth"),
    ("Emmanuel", "Manu"),
    ("Florence", "Flo"),
    ("Frédéric", "Fred"),
    ("Grégory", "Greg"),
    ("Jean-François", "Jeff"),
    ("Jean-Pierre", "JP"),
    ("Laetitia", "Laeti"),
    ("Ludovic", "Ludo"),
    ("Mathieu", "Mat"),
    ("Mickaël", "Mika"),
    ("Mohamed", "Momo"),
    ("Nathalie", "Nath"),
    ("Nicolas", "Nico"),
    ("Patricia", "Pat"),
    ("Robert", "Bob"),
    ("Sébastien", "Seb"),
    ("Stéphane", "Steph"),
    ("Stéphanie", "Steph"),
    ("Thomas", "Tom"),
    ("Valérie", "Val"),
    ("Véronique", "Véro"),
    ("Vincent", "Vince"),
    ("William", "Bill"),
];
